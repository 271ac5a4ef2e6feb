#ifndef NSGFLOW_PROXY_H
#define NSGFLOW_PROXY_H

/* Nonzero once the object was also loaded by the name in_nsgflow.so. */
extern int nsgflow_proxy_registered;

/* Valid inside a callback of the proxy only. */
void nsgflow_proxy_log(int level, const char *text);

/* What fluent-bit-go's definition of a plugin lacks: the option table, where
 * the host takes one. */
void nsgflow_proxy_offer(void *def);

/* Notes the instance, for its log level. */
void nsgflow_proxy_begin(void *plugin);

#endif
