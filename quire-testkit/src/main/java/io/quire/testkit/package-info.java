/** A real cluster for the tests of applications: {@link io.quire.testkit.QuireExtension}. */
package io.quire.testkit;
