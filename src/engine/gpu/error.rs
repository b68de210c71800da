//! What can go wrong on the way to a GPU and on it, each with a sentence for the user, who need not know how a GPU is programmed. What
//! the browser or the driver says of it stands in parentheses, in its own words.

use crate::experiment::{Message, message};

/// Why the gpu engine gave nothing. [`GpuError::message`] is the sentence; printed, it is English.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message().en)]
pub enum GpuError {
    /// The request makes no sense, on any engine. The whole sentence.
    Invalid(Message),
    /// The GPU can't do this here: no adapter, a refused device, a problem that is too large for it, input it declines. Another engine can.
    /// The whole sentence.
    Unavailable(Message),
    /// Memory ran out. A smaller problem may fit; another engine can do this one. What the browser or driver says of it.
    OutOfMemory(String),
    /// The device was lost on the way. What it held is gone; a new one may be had. What the browser or driver says of it.
    Lost(String),
    /// It computed, and wrongly or not at all: a kernel that did not compile, a check that did not hold. The whole sentence.
    Failed(Message),
}

impl GpuError {
    /// The whole sentence for the user, without a full stop.
    pub fn message(&self) -> Message {
        match self {
            Self::Invalid(message) | Self::Unavailable(message) | Self::Failed(message) => message.clone(),
            Self::OutOfMemory(detail) => {
                let detail = one_line(detail);
                message!("the GPU ran out of memory ({detail})", "GPU 内存不足（{detail}）")
            }
            Self::Lost(detail) => {
                let detail = one_line(detail);
                message!(
                    "the GPU stopped working and lost its data ({detail})",
                    "GPU 停止工作，其中的数据已丢失（{detail}）"
                )
            }
        }
    }

    /// Whether a new device may do what this one could not.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    /// Input that only a CPU takes for what it is.
    pub(super) fn not_finite() -> Self {
        Self::Unavailable(message!(
            "the input holds NaN or infinities, which a GPU may take for anything; the CPU computes it exactly",
            "输入中有 NaN 或无穷大，GPU 可能会错误处理它们；CPU 能精确计算",
        ))
    }

    /// An operator that only the CPU computes.
    pub(super) fn no_kernel() -> Self {
        Self::Unavailable(message!("estimators are computed on the CPU", "估计方法在 CPU 上计算"))
    }

    /// Work that the browser or the driver refused, with what it says.
    pub(super) fn refused(detail: impl std::fmt::Display) -> Self {
        let detail = one_line(&detail.to_string());
        Self::Failed(message!("the GPU could not run this computation ({detail})", "GPU 无法运行此计算（{detail}）"))
    }

    /// Results that could not be had back, with what the browser or the driver says.
    pub(super) fn unreadable(detail: impl std::fmt::Display) -> Self {
        let detail = one_line(&detail.to_string());
        let message =
            message!("the results could not be read back from the GPU ({detail})", "无法从 GPU 读回结果（{detail}）");
        Self::Failed(message)
    }
}

/// What a driver says as part of a sentence: some of it comes with line breaks and indentation.
fn one_line(detail: &str) -> String {
    detail.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_a_sentence_in_both_languages_with_the_detail_on_one_line() {
        let detail = "Validation Error\n\nCaused by:\n  a reason";
        for error in [
            GpuError::OutOfMemory(detail.to_owned()),
            GpuError::Lost(detail.to_owned()),
            GpuError::refused(detail),
            GpuError::unreadable(detail),
        ] {
            let Message { en, zh } = error.message();
            assert!(en.ends_with("(Validation Error Caused by: a reason)"), "{en}");
            assert!(zh.ends_with("（Validation Error Caused by: a reason）"), "{zh}");
            assert!(zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{zh}");
            assert_eq!(error.to_string(), en);
        }
    }
}
