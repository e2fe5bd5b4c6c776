//! Which machine instruction an operation is, for both vector lengths and both number types.

use crate::body::Binary;
use iced_x86::{Code, Register};

/// Vector length and number type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kind {
    /// 64 bytes, else 32.
    pub wide: bool,
    pub double: bool,
}

/// Instructions of vectors, apart from those of [`Binary`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Plain {
    /// From memory or a register.
    Load,
    /// To memory.
    Store,
    /// One number from memory to all lanes.
    Broadcast,
    ShiftLeft,
    /// To a mask: a register of vectors, or one of masks where vectors are long.
    Compare,
    Blend,
}

impl Kind {
    pub fn vector_bytes(self) -> usize {
        if self.wide { 64 } else { 32 }
    }
    pub fn number_bytes(self) -> usize {
        if self.double { 8 } else { 4 }
    }
    /// Registers there are.
    pub fn registers(self) -> usize {
        if self.wide { 32 } else { 16 }
    }
    pub fn register(self, i: usize) -> Register {
        (if self.wide { Register::ZMM0 } else { Register::YMM0 }) + i as u32
    }

    fn choose(self, [short, short_double, long, long_double]: [Code; 4]) -> Code {
        match (self.wide, self.double) {
            (false, false) => short,
            (false, true) => short_double,
            (true, false) => long,
            (true, true) => long_double,
        }
    }

    /// `dst = a op b`, b in a register or in memory.
    pub fn binary(self, op: Binary) -> Code {
        self.choose(match op {
            Binary::Add => [
                Code::VEX_Vaddps_ymm_ymm_ymmm256,
                Code::VEX_Vaddpd_ymm_ymm_ymmm256,
                Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er,
                Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er,
            ],
            Binary::Sub => [
                Code::VEX_Vsubps_ymm_ymm_ymmm256,
                Code::VEX_Vsubpd_ymm_ymm_ymmm256,
                Code::EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er,
                Code::EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er,
            ],
            Binary::Mul => [
                Code::VEX_Vmulps_ymm_ymm_ymmm256,
                Code::VEX_Vmulpd_ymm_ymm_ymmm256,
                Code::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er,
                Code::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er,
            ],
            Binary::Div => [
                Code::VEX_Vdivps_ymm_ymm_ymmm256,
                Code::VEX_Vdivpd_ymm_ymm_ymmm256,
                Code::EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er,
                Code::EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er,
            ],
            Binary::Min => [
                Code::VEX_Vminps_ymm_ymm_ymmm256,
                Code::VEX_Vminpd_ymm_ymm_ymmm256,
                Code::EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae,
                Code::EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae,
            ],
            Binary::Max => [
                Code::VEX_Vmaxps_ymm_ymm_ymmm256,
                Code::VEX_Vmaxpd_ymm_ymm_ymmm256,
                Code::EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae,
                Code::EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae,
            ],
            Binary::And => [
                Code::VEX_Vandps_ymm_ymm_ymmm256,
                Code::VEX_Vandpd_ymm_ymm_ymmm256,
                Code::EVEX_Vpandd_zmm_k1z_zmm_zmmm512b32,
                Code::EVEX_Vpandq_zmm_k1z_zmm_zmmm512b64,
            ],
            Binary::Xor => [
                Code::VEX_Vxorps_ymm_ymm_ymmm256,
                Code::VEX_Vxorpd_ymm_ymm_ymmm256,
                Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32,
                Code::EVEX_Vpxorq_zmm_k1z_zmm_zmmm512b64,
            ],
            Binary::AddBits => [
                Code::VEX_Vpaddd_ymm_ymm_ymmm256,
                Code::VEX_Vpaddq_ymm_ymm_ymmm256,
                Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32,
                Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64,
            ],
        })
    }

    pub fn plain(self, what: Plain) -> Code {
        self.choose(match what {
            Plain::Load => [
                Code::VEX_Vmovups_ymm_ymmm256,
                Code::VEX_Vmovupd_ymm_ymmm256,
                Code::EVEX_Vmovups_zmm_k1z_zmmm512,
                Code::EVEX_Vmovupd_zmm_k1z_zmmm512,
            ],
            Plain::Store => [
                Code::VEX_Vmovups_ymmm256_ymm,
                Code::VEX_Vmovupd_ymmm256_ymm,
                Code::EVEX_Vmovups_zmmm512_k1z_zmm,
                Code::EVEX_Vmovupd_zmmm512_k1z_zmm,
            ],
            Plain::Broadcast => [
                Code::VEX_Vbroadcastss_ymm_m32,
                Code::VEX_Vbroadcastsd_ymm_m64,
                Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32,
                Code::EVEX_Vbroadcastsd_zmm_k1z_xmmm64,
            ],
            Plain::ShiftLeft => [
                Code::VEX_Vpslld_ymm_ymm_imm8,
                Code::VEX_Vpsllq_ymm_ymm_imm8,
                Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8,
                Code::EVEX_Vpsllq_zmm_k1z_zmmm512b64_imm8,
            ],
            Plain::Compare => [
                Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8,
                Code::VEX_Vcmppd_ymm_ymm_ymmm256_imm8,
                Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae,
                Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae,
            ],
            Plain::Blend => [
                Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm,
                Code::VEX_Vblendvpd_ymm_ymm_ymmm256_ymm,
                Code::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32,
                Code::EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64,
            ],
        })
    }
}

/// Predicate `a > b`, false where one is not a number.
pub(crate) const GREATER: u32 = 0x1E;
/// Predicate `a != b`, true where one is not a number.
pub(crate) const NOT_EQUAL: u32 = 0x04;
