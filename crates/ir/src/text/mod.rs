//! The text form of kernels and networks: `parse(print(x)) == x`.

