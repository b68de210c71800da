//! What is written of a loop over cells: its instructions, its locals, and what is readied before it.

use wasm_encoder::InstructionSink;

/// Instructions of a loop that takes four cells at a time. All locals that it gives are of 128 bits.
pub struct Emit {
    before: Vec<u8>,
    code: Vec<u8>,
    /// The next local that nobody has.
    next: u32,
    /// Locals that one operation needed, for the next one; and those that the present one has.
    spare: Vec<u32>,
    held: Vec<u32>,
    /// Constants, and the locals they lie in: as literals a browser's compiler would build each anew at every use.
    constants: Vec<(u128, u32)>,
}

impl Emit {
    /// Nothing yet; locals from `first` on are free.
    pub fn new(first: u32) -> Self {
        let (before, code, spare, held, constants) = Default::default();
        Self { before, code, next: first, spare, held, constants }
    }

    /// Goes on with the loop.
    pub fn code(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.code)
    }

    /// Goes on with what comes before it.
    pub fn before(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(&mut self.before)
    }

    /// A local for good.
    pub fn lasting(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// Puts what an operation has made into a local for good, and lets the next one have those that this one needed.
    pub fn keep(&mut self, made: u32) -> u32 {
        let kept = self.lasting();
        self.code().local_get(made).local_set(kept);
        self.spare.append(&mut self.held);
        kept
    }

    /// Pushes the operands, writes one instruction, and puts its result into a local of this operation.
    pub fn op(&mut self, operands: &[u32], instruction: fn(&mut InstructionSink)) -> u32 {
        let made = self.made();
        let mut f = self.code();
        for &operand in operands {
            f.local_get(operand);
        }
        instruction(&mut f);
        f.local_set(made);
        made
    }

    /// The same of one operand and a number on top of it: how far all of them are shifted.
    pub fn shift(&mut self, x: u32, by: i32, instruction: fn(&mut InstructionSink)) -> u32 {
        let made = self.made();
        let mut f = self.code();
        f.local_get(x).i32_const(by);
        instruction(&mut f);
        f.local_set(made);
        made
    }

    /// A local of this operation.
    fn made(&mut self) -> u32 {
        let made = self.spare.pop().unwrap_or_else(|| self.lasting());
        self.held.push(made);
        made
    }

    /// A local that holds these bits.
    pub fn constant(&mut self, bits: u128) -> u32 {
        if let Some((_, local)) = self.constants.iter().find(|(known, _)| *known == bits) {
            return *local;
        }
        let local = self.lasting();
        self.before().v128_const(bits as i128).local_set(local);
        self.constants.push((bits, local));
        local
    }

    /// Four times a number of 32 bits.
    pub fn four(&mut self, bits: u32) -> u32 {
        self.constant(u128::from(bits) * 0x1_0000_0001_0000_0001_0000_0001)
    }

    /// Four times a float.
    pub fn f32(&mut self, x: f32) -> u32 {
        self.four(x.to_bits())
    }

    /// Four times an integer.
    pub fn i32(&mut self, x: i32) -> u32 {
        self.four(x as u32)
    }

    /// Twice a double.
    pub fn f64(&mut self, x: f64) -> u32 {
        self.i64(x.to_bits() as i64)
    }

    /// Twice a long integer.
    pub fn i64(&mut self, x: i64) -> u32 {
        self.constant(u128::from(x as u64) * 0x1_0000_0000_0000_0001)
    }

    /// How many locals there are now, what comes before the loop, and the loop.
    pub fn finish(self) -> (u32, Vec<u8>, Vec<u8>) {
        (self.next, self.before, self.code)
    }
}
