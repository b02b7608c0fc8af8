/** The hot parts alone, under JMH; what is not public is measured from its own package. */
package io.quire.bench.micro;
