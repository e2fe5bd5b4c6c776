//! Dispatch reaches the handler that the opcode names, with the operands of the word.

use trifactor_isa::{
    Execute, Immediate, Inst, LoadEpoch, LoadField, LoadLine, LoadSlot, Opcode, R2, R2Left,
    R2Shift, R3, R3Shift, R4, Store, dispatch,
};

/// Answers with the name of the handler and the operands it got.
struct Echo;

macro_rules! echo {
    ($($name:ident: $operands:ty),* $(,)?) => {
        impl Execute for Echo {
            type Output = String;
            fn halt(&mut self) -> String {
                "halt".to_string()
            }
            $(fn $name(&mut self, o: $operands) -> String {
                format!(concat!(stringify!($name), " {}"), o)
            })*
        }
    };
}

echo! {
    ldi: Immediate, ldu: LoadEpoch, ldg: LoadLine, lds: LoadField, ldx: LoadSlot, ldy: LoadSlot,
    add: R3, sub: R3, min: R3, max: R3, gt: R3, sgn: R2, sel: R4, shl: R2Left, shr: R2Shift,
    mul: R3Shift, sts: Store,
}

#[test]
fn each_opcode_reaches_its_own_handler() {
    for op in Opcode::ALL {
        let inst: Inst = op.example().parse().expect("examples are legal");
        assert_eq!(dispatch(&inst, &mut Echo), op.example());
    }
}
