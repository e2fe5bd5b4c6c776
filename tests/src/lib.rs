//! The chain of equalities, as tests; the library itself is empty.
//!
//! A network has several readings, and each is tested against the one before it:
//!
//! 1. the float reading equals the published equations (`published_equations`);
//! 2. the fixed reading of a kernel equals the float reading within the bound that the plan
//!    predicts (`kernel_float_fixed`, and over whole networks `network_float_fixed`);
//! 3. the microcode of a rule equals the fixed reading, bit for bit (`kernel_microcode`);
//! 4. the emulator running the image equals the fixed reading, bit for bit, in every state and
//!    every step (`network_chain`).
//!
//! When a result is wrong, the first broken link names the crate. The number of random cases is
//! an environment variable (`TRIFACTOR_KERNELS`, `TRIFACTOR_NETWORKS`); a failing case prints its
//! seed.
