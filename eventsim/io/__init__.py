"""Reading and writing files: networks, traces, spike files and IDX arrays."""
