//! What is exported: the experiment with its tensors and, where it has been computed, its result.

use std::sync::Arc;

use crate::app::state::{Lab, Status};
use crate::app::url;
use crate::attention::Loaded;
use crate::catalogue::{self, Lang};
use crate::engine::{Map, Outcome};
use crate::experiment::{Experiment, Stage};
use crate::export::Subject;

/// The experiment as it is.
#[derive(Clone)]
pub struct Taken {
    /// What the user set.
    pub experiment: Arc<Experiment>,
    loaded: Arc<Loaded>,
    /// Its result; none while it is being computed.
    outcome: Option<Arc<Outcome>>,
    /// The address that opens it.
    pub link: String,
}

impl PartialEq for Taken {
    fn eq(&self, other: &Self) -> bool {
        let outcome = match (&self.outcome, &other.outcome) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        outcome && Arc::ptr_eq(&self.experiment, &other.experiment) && Arc::ptr_eq(&self.loaded, &other.loaded)
    }
}

impl Taken {
    /// What the page has; nothing before the first input is there.
    pub fn of(lab: Lab) -> Option<Self> {
        let (experiment, loaded) = (lab.experiment.get(), lab.loaded.get()?);
        // While another one is computed, what is shown belongs to the one before.
        let ready = lab.status.get() == Status::Ready;
        let outcome = lab.outcome.get().filter(|_| ready);
        // An address that would not be read back names the page alone.
        let link = url::link(&experiment).unwrap_or_else(url::folder);
        Some(Self { experiment, loaded, outcome, link })
    }

    /// For the room that makes exports.
    pub fn subject(&self) -> Subject<'_> {
        let output = self.outcome.as_ref().map(|outcome| outcome.y.as_slice());
        Subject { experiment: &self.experiment, loaded: &self.loaded, link: &self.link, output }
    }

    /// The head that is looked at.
    pub fn head(&self) -> usize {
        self.experiment.view.head.min(self.loaded.dims.q_heads.saturating_sub(1))
    }

    /// The picture of a stage of the head that is looked at, and the names of its rows and columns where each has its own pixel.
    pub fn matrix(&self, lab: Lab, stage: Stage) -> Option<(Map, Option<[Vec<String>; 2]>)> {
        let outcome = self.outcome.as_ref()?;
        let map = lab.picture(stage, self.head())?;
        let whole = [map.request.height, map.request.width] == [outcome.dims.n_q, outcome.dims.n_k];
        let names = |keys: bool, count: usize| {
            let tokens = lab.tokens(keys);
            if tokens.len() == count { tokens } else { (0..count).map(|i| i.to_string()).collect() }
        };
        let named = whole.then(|| [names(false, outcome.dims.n_q), names(true, outcome.dims.n_k)]);
        Some((map, named))
    }

    /// The same as numbers: a key that the mask forbids has the weight 0 and the score -inf. Rows whose scores are no numbers stay as they are.
    pub fn numbers(&self, lab: Lab, stage: Stage) -> Option<(Map, Option<[Vec<String>; 2]>)> {
        let (mut map, names) = self.matrix(lab, stage)?;
        let masked = if stage == Stage::Weights { 0.0 } else { f32::NEG_INFINITY };
        let outcome = self.outcome.as_ref()?;
        let first = outcome.dims.row_start(0, self.head());
        for (row, values) in map.values.chunks_mut(map.request.width.max(1)).enumerate() {
            if outcome.lse.get(first + row).is_none_or(|lse| !lse.is_nan()) {
                values.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = masked);
            }
        }
        Some((map, names))
    }

    /// What stands under tables and pictures of a stage.
    pub fn caption(&self, lang: Lang, stage: Stage) -> String {
        let (head, mask) = (self.head() + 1, self.mask(lang));
        let [en, zh] = match stage {
            Stage::Raw => ["Products of queries and keys", "查询与键的乘积"],
            Stage::Scaled => ["Scaled scores", "缩放后的分数"],
            Stage::Capped => ["Scores after the softcap", "软上限后的分数"],
            Stage::Biased => ["Scores with biases", "加偏置的分数"],
            Stage::Masked => ["Masked scores", "掩码后的分数"],
            Stage::Weights => ["Attention weights", "注意力权重"],
        };
        match lang {
            Lang::En => format!("{en} of head {head}. Mask: {mask}."),
            Lang::Zh => format!("第 {head} 个头的{zh}。掩码：{mask}。"),
        }
    }

    /// What the experiment is called among references.
    pub fn title(&self, lang: Lang) -> String {
        let mask = self.mask(lang);
        match lang {
            Lang::En => format!("Attention experiment with the mask “{mask}”"),
            Lang::Zh => format!("注意力实验：掩码“{mask}”"),
        }
    }

    fn mask(&self, lang: Lang) -> String {
        let choice = &self.experiment.mask;
        match (&choice.custom, catalogue::mask(&choice.id)) {
            (Some(custom), _) => custom.text.split_whitespace().collect::<Vec<_>>().join(" "),
            (None, Some(entry)) => entry.name.get(lang).to_owned(),
            (None, None) => choice.id.clone(),
        }
    }
}
