//! Undo and redo over whole experiments.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Experiment;

/// Steps that can be undone.
const LIMIT: usize = 200;

/// Edits of one control closer together than this are one step: a drag is undone at once, not pixel by pixel.
const MERGE_MS: f64 = 1000.0;

/// The experiment now, with what came before it and what was undone.
#[derive(Clone, Debug)]
pub struct History {
    past: VecDeque<Arc<Experiment>>,
    present: Arc<Experiment>,
    future: Vec<Arc<Experiment>>,
    /// Control and time of the last edit, while the next one may still join it.
    last: Option<(String, f64)>,
}

impl History {
    /// Starts at `experiment`, with nothing to undo.
    pub fn new(experiment: Experiment) -> Self {
        Self { past: VecDeque::new(), present: Arc::new(experiment), future: Vec::new(), last: None }
    }

    /// The experiment now.
    pub fn present(&self) -> &Arc<Experiment> {
        &self.present
    }

    /// Makes `next` the present. `key` names the control: an edit joins the step before it when both have the same key and follow each
    /// other within a second. `now_ms` is the time on any clock that does not run backwards. An edit that changes nothing leaves no step.
    pub fn edit(&mut self, key: &str, now_ms: f64, next: Experiment) {
        if next == *self.present {
            return;
        }
        let joins =
            self.last.as_ref().is_some_and(|(last, at)| last == key && (0.0..=MERGE_MS).contains(&(now_ms - at)));
        let before = std::mem::replace(&mut self.present, Arc::new(next));
        if !joins {
            if self.past.len() == LIMIT {
                self.past.pop_front();
            }
            self.past.push_back(before);
        }
        self.future.clear();
        self.last = Some((key.to_owned(), now_ms));
    }

    /// Changes what is looked at (`next` differs in its view only): no step of undo, and what was undone stays.
    pub fn amend(&mut self, next: Experiment) {
        self.present = Arc::new(next);
    }

    /// Goes one step back; false where there is none. What is looked at stays.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.past.pop_back() else { return false };
        let before = self.with_present_view(&before);
        self.future.push(std::mem::replace(&mut self.present, before));
        self.last = None;
        true
    }

    /// Takes back one undo; false where there is none.
    pub fn redo(&mut self) -> bool {
        let Some(after) = self.future.pop() else { return false };
        let after = self.with_present_view(&after);
        self.past.push_back(std::mem::replace(&mut self.present, after));
        self.last = None;
        true
    }

    fn with_present_view(&self, other: &Experiment) -> Arc<Experiment> {
        Arc::new(Experiment { view: self.present.view, ..other.clone() })
    }

    /// Whether there is a step to undo.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is a step to take back.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(temperature: f64) -> Experiment {
        Experiment { temperature, ..Experiment::default() }
    }

    #[test]
    fn looking_is_no_step_and_survives_undo() {
        let mut history = History::new(at(1.0));
        history.edit("temperature", 0.0, at(2.0));
        let mut looked = at(2.0);
        looked.view.head = 3;
        history.amend(looked);
        assert!(history.undo());
        assert_eq!((history.present().temperature, history.present().view.head), (1.0, 3));
        assert!(!history.can_undo());
        assert!(history.redo());
        assert_eq!((history.present().temperature, history.present().view.head), (2.0, 3));
    }

    #[test]
    fn a_drag_is_one_step() {
        let mut history = History::new(at(1.0));
        for i in 1..=20 {
            history.edit("temperature", 100.0 * f64::from(i), at(1.0 + f64::from(i)));
        }
        assert_eq!(history.present().temperature, 21.0);
        assert!(history.undo());
        assert_eq!(history.present().temperature, 1.0);
        assert!(!history.can_undo() && !history.undo());
        assert!(history.redo());
        assert_eq!(history.present().temperature, 21.0);
        assert!(!history.can_redo() && !history.redo());
    }

    #[test]
    fn another_key_a_pause_and_an_undo_each_start_a_step() {
        let mut history = History::new(at(1.0));
        history.edit("a", 0.0, at(2.0));
        history.edit("b", 10.0, at(3.0));
        history.edit("b", 1011.0, at(4.0));
        history.undo();
        assert_eq!(history.present().temperature, 3.0);
        history.edit("b", 1012.0, at(5.0));
        assert!(!history.can_redo(), "an edit after an undo forgets what was undone");
        history.undo();
        assert_eq!(history.present().temperature, 3.0);
        history.undo();
        history.undo();
        assert_eq!(history.present().temperature, 1.0);
    }

    #[test]
    fn nothing_changed_leaves_no_step_and_the_oldest_steps_are_forgotten() {
        let mut history = History::new(at(1.0));
        history.edit("a", 0.0, at(1.0));
        assert!(!history.can_undo());
        for i in 0..500 {
            history.edit("a", f64::from(i) * 5000.0, at(2.0 + f64::from(i)));
        }
        let mut steps = 0;
        while history.undo() {
            steps += 1;
        }
        assert_eq!((steps, history.present().temperature), (LIMIT, 301.0));
    }
}
