//! Random formulas of every operation, with random values for what they use.

use std::sync::Arc;

use attention_playground::formula::{
    Bound, Data, DataDecl, DataValues, Formula, Kind, Scalar, Scope, Sizes, Sorted, Ty, Values, compile,
};

/// Small steps from a seed (splitmix64): one number decides a whole formula, so a failure is one number to repeat.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

/// A random expression of a type, as text.
fn expression(dice: &mut Dice, ty: Ty, depth: usize, kind: Kind) -> String {
    if depth == 0 || dice.roll(8) == 0 {
        return leaf(dice, ty, kind);
    }
    let sub = |dice: &mut Dice, ty| expression(dice, ty, depth - 1, kind);
    let any = dice.pick(&[Ty::Bool, Ty::Int, Ty::Int, Ty::Float]);
    let number = dice.pick(&[Ty::Int, Ty::Int, Ty::Float]);
    match ty {
        Ty::Bool => match dice.roll(9) {
            0 | 1 => format!(
                "({} {} {})",
                sub(dice, Ty::Bool),
                dice.pick(&["and", "or", "^", "&", "|", "==", "!="]),
                sub(dice, Ty::Bool)
            ),
            2 => format!("({} {})", dice.pick(&["not", "~"]), sub(dice, Ty::Bool)),
            3 => {
                let (a, b) = (dice.pick(&["<", "<=", ">", ">="]), dice.pick(&["<", "<=", "==", "!="]));
                format!("({} {a} {} {b} {})", sub(dice, number), sub(dice, Ty::Int), sub(dice, number))
            }
            4 => {
                let (a, b) = (sub(dice, Ty::Int), sub(dice, Ty::Int));
                format!("({} {} {{{a}, 3, {b}}})", sub(dice, Ty::Int), dice.pick(&["in", "not in"]))
            }
            5 => format!("({} if {} else {})", sub(dice, Ty::Bool), sub(dice, Ty::Bool), sub(dice, Ty::Bool)),
            _ => format!(
                "({} {} {})",
                sub(dice, number),
                dice.pick(&["<", "<=", ">", ">=", "==", "!="]),
                sub(dice, Ty::Int)
            ),
        },
        Ty::Int => match dice.roll(12) {
            0 => format!("({}{})", dice.pick(&["-", "~", "+"]), sub(dice, Ty::Int)),
            1 => format!("{}({})", dice.pick(&["floor", "ceil", "round", "int"]), sub(dice, number)),
            2 => format!("{}({})", dice.pick(&["abs", "sign", "int", "hash"]), sub(dice, Ty::Int)),
            3 => format!(
                "{}({}, {}, {})",
                dice.pick(&["min", "max", "clamp", "hash"]),
                sub(dice, Ty::Int),
                sub(dice, Ty::Int),
                sub(dice, Ty::Int)
            ),
            4 => format!("where({}, {}, {})", sub(dice, Ty::Bool), sub(dice, Ty::Int), sub(dice, Ty::Int)),
            5 => format!("{}[{}]", dice.pick(&["doc", "period"]), sub(dice, Ty::Int)),
            6 => format!("grid[{}, {}]", sub(dice, Ty::Int), sub(dice, Ty::Int)),
            7 => format!("({} ** {})", sub(dice, Ty::Int), dice.roll(4)),
            _ => {
                let op = dice.pick(&["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "-", "%"]);
                format!("({} {op} {})", sub(dice, Ty::Int), sub(dice, Ty::Int))
            }
        },
        Ty::Float => match dice.roll(8) {
            0 => format!("(-{})", sub(dice, Ty::Float)),
            1 => {
                let f = dice.pick(&["sqrt", "exp", "log", "log2", "sin", "cos", "tanh", "sigmoid", "float"]);
                format!("{f}({})", sub(dice, number))
            }
            2 => format!("{}({})", dice.pick(&["abs", "sign"]), sub(dice, Ty::Float)),
            3 => format!(
                "{}({}, {}, {})",
                dice.pick(&["min", "max", "clamp"]),
                sub(dice, Ty::Float),
                sub(dice, number),
                sub(dice, Ty::Float)
            ),
            4 => format!("where({}, {}, {})", sub(dice, Ty::Bool), sub(dice, Ty::Float), sub(dice, number)),
            5 => format!("slope[{}]", sub(dice, Ty::Int)),
            6 => format!("float({})", sub(dice, any)),
            _ => format!(
                "({} {} {})",
                sub(dice, Ty::Float),
                dice.pick(&["+", "-", "*", "/", "//", "%", "**"]),
                sub(dice, number)
            ),
        },
    }
}

fn leaf(dice: &mut Dice, ty: Ty, kind: Kind) -> String {
    let list: &[&str] = match ty {
        Ty::Bool => {
            &["true", "false", "k <= q", "k <= q_pos", "flag", "valid[k]", "q - k < window", "doc[q] == doc[k]"]
        }
        Ty::Int => &[
            "q",
            "k",
            "q_pos",
            "q - k",
            "q_pos - k",
            "b",
            "h",
            "n_q",
            "n_k",
            "n_h",
            "window",
            "0",
            "1",
            "2",
            "3",
            "4",
            "7",
            "8",
            "31",
            "1000000",
            "2147483647",
            "doc[q]",
            "doc[k]",
            "period[h]",
            "k // 4",
            "q % 3",
            "k - q + 5",
            "q * 1000000000",
            "k * 2147483647 - q",
        ],
        Ty::Float => match kind {
            Kind::Score => &["s", "s", "s", "0.5", "-1.25", "1e30", "rate", "slope[h]", "pi", "inf"],
            Kind::Probability => &["p", "p", "0.5", "2.0", "rate", "slope[h]"],
            Kind::Mask => &["0.5", "-1.25", "1e30", "rate", "slope[h]", "pi", "inf", "k / 3", "q * 0.25"],
        },
    };
    let text = dice.pick(list);
    if text.contains(' ') { format!("({text})") } else { text.to_owned() }
}

pub fn scope() -> Scope {
    let decl = |name: &str, ty, dims| DataDecl { name: name.into(), ty, dims };
    Scope {
        params: vec![("window".into(), Ty::Int), ("rate".into(), Ty::Float), ("flag".into(), Ty::Bool)],
        data: vec![
            decl("doc", Ty::Int, 1),
            decl("period", Ty::Int, 1),
            decl("grid", Ty::Int, 2),
            decl("slope", Ty::Float, 1),
            decl("valid", Ty::Bool, 1),
        ],
    }
}

pub fn values(dice: &mut Dice) -> Values {
    let (batch, heads) = (1 + dice.roll(2) as i32, 1 + dice.roll(3) as i32);
    let (n_q, n_k) = (1 + dice.roll(13) as i32, 1 + dice.roll(80) as i32);
    let offset = match dice.roll(4) {
        0 => vec![],
        1 => vec![n_k - n_q],
        2 => vec![3, -2],
        _ => vec![5, 5],
    };
    let data = |shape: &[usize], values| Arc::new(Data { shape: shape.to_vec(), values, clamp: true });
    let ints = |dice: &mut Dice, n: usize, of: &[i32]| DataValues::Int((0..n).map(|_| dice.pick(of)).collect());
    let mut doc: Vec<i32> = (0..40).map(|_| dice.roll(6) as i32).collect();
    doc.sort_unstable();
    Values {
        sizes: Sizes { batch, heads, n_q, n_k, offset },
        params: Sorted::from([
            ("window".into(), Scalar::Int(dice.roll(9) as i32 - 1)),
            ("rate".into(), Scalar::Float(dice.pick(&[0.0, 0.1, -3.5, 1e20]))),
            ("flag".into(), Scalar::Bool(dice.roll(2) == 1)),
        ]),
        data: Sorted::from([
            ("doc".into(), data(&[40], DataValues::Int(doc))),
            ("period".into(), data(&[3], ints(dice, 3, &[0, 1, 2, 4, 5, -3]))),
            ("grid".into(), data(&[7, 5], ints(dice, 35, &[0, 1, 2, 3, 100, i32::MIN]))),
            ("slope".into(), data(&[3], DataValues::Float(vec![0.5, -0.25, f32::NAN]))),
            ("valid".into(), data(&[20], DataValues::Bool((0..20).map(|i| u8::from(i % 7 != 0)).collect()))),
        ]),
    }
}

/// A random formula and its text; those over the limits are left out.
pub fn random_text(dice: &mut Dice, depth: usize, kind: Kind) -> Option<(String, Formula)> {
    let ty = if kind == Kind::Mask { Ty::Bool } else { Ty::Float };
    let text = expression(dice, ty, depth, kind);
    match compile(&text, kind, &scope()) {
        Ok(formula) => Some((text, formula)),
        Err(error) => {
            use attention_playground::formula::ErrorKind as E;
            let limit = matches!(error.kind, E::TooLong { .. } | E::TooManyParts { .. } | E::TooDeep { .. });
            assert!(limit, "{text}\n{error} at {:?}", error.span);
            None
        }
    }
}

/// A random formula with random values.
pub fn random(seed: u64, depth: usize, kind: Kind) -> Option<(String, Bound)> {
    let mut dice = Dice(seed);
    let (text, formula) = random_text(&mut dice, depth, kind)?;
    let bound = formula.bind(&values(&mut dice)).unwrap_or_else(|error| panic!("{text}\n{error}"));
    Some((text, bound))
}
