/* Binds the object to functions of glibc by the version that every glibc since
 * 2.17 has. Without it, a build on glibc 2.34 or later asks for 2.34: pthread,
 * dl and resolv moved into libc.so.6 then, with new versions of their names;
 * 2.38 added names for C23. The old ones stay for good.
 *
 * The compiler includes this before each of the object's C files, also those
 * of Go itself (see Makefile); what a file does not use has no effect.
 */
#ifndef __ASSEMBLER__
#if defined __x86_64__
#define OLD(name, old, amd64) __asm__(".symver " #name ", " #old "@GLIBC_" amd64);
#elif defined __aarch64__
#define OLD(name, old, amd64) __asm__(".symver " #name ", " #old "@GLIBC_2.17");
#endif
OLD(dladdr, dladdr, "2.2.5")
OLD(dladdr1, dladdr1, "2.3.3")
OLD(dlsym, dlsym, "2.2.5")
OLD(pthread_attr_getstack, pthread_attr_getstack, "2.2.5")
OLD(pthread_attr_getstacksize, pthread_attr_getstacksize, "2.2.5")
OLD(pthread_create, pthread_create, "2.2.5")
OLD(pthread_getattr_np, pthread_getattr_np, "2.2.5")
OLD(pthread_key_create, pthread_key_create, "2.2.5")
OLD(pthread_setspecific, pthread_setspecific, "2.2.5")
OLD(pthread_sigmask, pthread_sigmask, "2.2.5")
OLD(res_search, __res_search, "2.2.5")
OLD(__isoc23_sscanf, __isoc99_sscanf, "2.7")
#undef OLD
#endif
