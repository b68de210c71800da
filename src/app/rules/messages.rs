//! What is wrong with a formula, in the page's language. English comes from the formula room itself.

use crate::catalogue::Lang;
use crate::formula::{Due, ErrorKind, FormulaError, Kind, Ty, Wants};

/// The message of a fault in `lang`.
pub fn message(error: &FormulaError, lang: Lang) -> String {
    match lang {
        Lang::En => {
            let text = error.message();
            let mut letters = text.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
        Lang::Zh => match (&error.kind, &error.suggestion) {
            (ErrorKind::NeedsIndex { name, .. }, Some(text)) => format!("`{name}` 是表，请写成 `{text}`"),
            (kind, _) => chinese(kind),
        },
    }
}

fn chinese(kind: &ErrorKind) -> String {
    use ErrorKind as E;
    match kind {
        E::Empty => "公式为空".into(),
        E::TooLong { limit, found } => format!("公式有 {found} 字节，最多允许 {limit} 字节"),
        E::TooManyParts { limit } => format!("公式的部分过多，最多允许 {limit} 个"),
        E::TooDeep { limit } => format!("括号、符号和条件最多嵌套 {limit} 层"),
        E::StrayCharacter { character } => format!("公式中不能出现 `{}`", character.escape_debug()),
        E::Foreign { found, write } => format!("请把 `{found}` 写成 `{write}`"),
        E::BadNumber { text } => format!("`{text}` 不是数"),
        E::NumberTooLarge { text } => format!("{text} 超出 32 位的范围"),
        E::Expected { what, found } => {
            let due = match what {
                Due::Value => "数、名称或 `(`",
                Due::Operator => "`+`、`<`、`and` 之类的运算符",
                Due::Else => "`else` 及其取值（`a if 条件 else b`）",
                Due::In => "`not` 之后的 `in`（要取反，请把 `not` 写在整个比较之前）",
                Due::Set => "`{1, 2, 3}` 之类的集合",
                Due::CommaOrClose => "逗号或右括号",
            };
            match found {
                Some(found) => format!("此处应为{due}，却是 `{found}`"),
                None => format!("公式在此结束，其后应有{due}"),
            }
        }
        E::Unclosed { open, close } => format!("这个 `{open}` 没有闭合，缺少 `{close}`"),
        E::Unopened { close } => format!("这个 `{close}` 没有对应的左括号"),
        E::MixedChain => "`in` 与其他比较连用时请加括号".into(),
        E::UnknownName { name, nearest } => unknown("名称", name, nearest),
        E::UnknownFunction { name, nearest } => unknown("函数", name, nearest),
        E::NotHere { name, kind } => match (name.as_str(), kind) {
            ("s", Kind::Mask) => "掩码看不到分数 `s`：它在分数之前决定".into(),
            ("s", _) => "概率公式使用权重 `p`，而不是分数 `s`".into(),
            ("p", Kind::Mask) => "掩码看不到权重 `p`：它在权重之前决定".into(),
            _ => "分数公式使用分数 `s`，而不是权重 `p`".into(),
        },
        E::NeedsCall { name } => format!("`{name}` 是函数，请写成 `{name}(...)`"),
        E::NeedsIndex { name, dims } => format!("`{name}` 是表，请写成 `{name}[...]`，共 {dims} 个下标"),
        E::NotFunction { name } => format!("`{name}` 不是函数"),
        E::NotTable { name } => format!("`{name}` 不是表"),
        E::ArgumentCount { name, least, most, found } => {
            let wants = match (*least, *most) {
                (least, most) if least == most => format!("{least} 个参数"),
                (least, usize::MAX) => format!("至少 {least} 个参数"),
                (least, most) => format!("{least} 到 {most} 个参数"),
            };
            format!("`{name}` 需要 {wants}，而不是 {found} 个")
        }
        E::IndexCount { name, dims, found } => format!("`{name}` 需要 {dims} 个下标，而不是 {found} 个"),
        E::WrongType { of, wants, found } => {
            let wants = match wants {
                Wants::Bool => "真或假",
                Wants::Int => "整数",
                Wants::Number => "数",
            };
            format!("`{of}` 在此需要{wants}，这里却是{}", ty(*found))
        }
        E::Mismatch { of, left, right } => format!("`{of}` 不能同时使用{}和{}", ty(*left), ty(*right)),
        E::Result { kind: Kind::Mask, found } => {
            format!("掩码必须是真或假，这里却是{}；请与某个数比较，例如 `... > 0`", ty(*found))
        }
        E::Result { .. } => "结果必须是数，这里却是真或假；可用 `where(...)` 转换".into(),
        E::Declaration { name } => format!("名称 `{name}` 已被占用，或不是合法名称"),
        E::MissingParameter { name } => format!("参数 `{name}` 没有值"),
        E::ParameterType { name, wants, found } => {
            format!("参数 `{name}` 必须是{}，其值却是{}", ty(*wants), ty(*found))
        }
        E::MissingData { name } => format!("表 `{name}` 没有数据"),
        E::DataType { name, wants, found } => format!("表 `{name}` 声明为{}，数据却是{}", ty(*wants), ty(*found)),
        E::DataShape { name, dims, shape, entries } => {
            format!("表 `{name}` 需要 {dims} 个非空维度；数据形状为 {shape:?}，共 {entries} 个")
        }
        E::IndexLeaves { name, dim, extent, low, high } => {
            let end = extent.saturating_sub(1);
            format!(
                "`{name}` 的第 {} 个下标取 {low} 到 {high}，而表的范围是 0 到 {end}；可用 `clamp(..., 0, {end})` 限制",
                dim + 1
            )
        }
        E::BadSize { name, limit, found } => format!("`{name}` 为 {found}，必须在 0 到 {limit} 之间"),
    }
}

fn ty(ty: Ty) -> &'static str {
    match ty {
        Ty::Bool => "真或假",
        Ty::Int => "整数",
        Ty::Float => "小数",
    }
}

fn unknown(what: &str, name: &str, nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("没有名为 `{name}` 的{what}，是否想写 `{nearest}`？"),
        None => format!("没有名为 `{name}` 的{what}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::formula::{Scope, compile};

    #[test]
    fn the_same_fault_in_both_languages() {
        let error = compile("k <= qq", Kind::Mask, &Scope::default()).unwrap_err();
        assert!(message(&error, Lang::En).starts_with("There is no name `qq`"));
        assert!(message(&error, Lang::Zh).starts_with("没有名为 `qq` 的名称"));
    }
}
