/** The panel's version; the kernel's half says its own, and the panel compares them. */

export const VERSION = '0.1.0';
