#ifndef NSGFLOW_INPUT_H
#define NSGFLOW_INPUT_H

/* Valid inside a callback of the proxy only. */
void nsgflow_input_log(int level, const char *text);

/* What fluent-bit-go's definition of a plugin lacks: the option table, where
 * the host takes one. */
void nsgflow_input_offer(void *def);

/* Notes the instance, for its log level. */
void nsgflow_input_begin(void *plugin);

#endif
