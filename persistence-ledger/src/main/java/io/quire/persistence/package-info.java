/**
 * A journal, a snapshot store and queries for Pekko Persistence, on named logs and blobs. The events of one persistence
 * id are one log; each incarnation of its actor takes the log over when it recovers, so that of two incarnations only the
 * newest can persist, whatever the cluster believes of either.
 */
package io.quire.persistence;
