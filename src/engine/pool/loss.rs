//! Workers that are no more, and what becomes of their work.

use super::auto::Knowledge;
use super::jobs::Task;
use super::life::Port;
use super::run::RunError;
use super::schedule::{Loss, Side, Slot};
use super::state::{After, State};
use crate::experiment::message;

impl State {
    /// Every place is empty from now on; the ports are given back to be ended.
    pub fn rest(&mut self) -> Vec<Port> {
        let places = [Side::Cpu, Side::Gpu].into_iter().flat_map(|side| self.board.places(side));
        let living: Vec<Slot> = places.filter(|&slot| !self.board.is_dead(slot)).collect();
        self.waiting.clear();
        let mut ports = Vec::new();
        for slot in living {
            self.next_generation(slot);
            // What it had opened is opened again where it is needed.
            self.board.lost(slot);
            self.board.dead(slot);
            ports.extend(self.seats.get_mut(slot).and_then(|seat| seat.port.take()));
        }
        ports
    }

    /// A worker is lost; its port is given back to be ended.
    pub fn lost(&mut self, slot: Slot, reason: &str, now: f64) -> (After, Option<Port>) {
        let mut after = After::default();
        let (port, said) = match self.seats.get_mut(slot) {
            Some(seat) => (seat.port.take(), seat.panic.take()),
            None => (None, None),
        };
        self.next_generation(slot);
        let reason = said.as_deref().unwrap_or(reason);
        let side = self.board.side(slot);
        if self.board.is_starting(slot) || self.board.is_dead(slot) {
            self.board.dead(slot);
            if self.board.all_dead(side) {
                let why = match side {
                    Side::Cpu => message!("no worker could be started: {reason}", "无法启动工作线程：{reason}"),
                    Side::Gpu => message!(
                        "the worker for the GPU could not be started: {reason}",
                        "无法启动 GPU 工作线程：{reason}"
                    ),
                };
                for pending in self.board.jobs(side).into_iter().filter_map(|job| self.abandon(job)) {
                    after.answers.push((pending.reply, Err(RunError::Unavailable(why.clone()))));
                }
            }
            return (after, port);
        }
        let loss = self.board.lost(slot);
        // The GPU's is started again when it is wanted again.
        if side == Side::Cpu || matches!(loss, Loss::Again(_)) {
            self.board.starting(slot, now);
            after.reseat = Some(slot);
        }
        match loss {
            Loss::Nothing => {}
            Loss::Again(job) => {
                if let Some(pending) = self.jobs.get_mut(&job) {
                    pending.notes.push(message!(
                        "A worker stopped ({reason}) and was replaced; its part was computed again.",
                        "一个工作线程中止（{reason}），已替换，相应部分已重新计算。",
                    ));
                    if let Task::Compute(compute) = &pending.task
                        && let Some(session) = self.sessions.get_mut(&compute.session)
                        && session.opened.is_none()
                    {
                        session.cost_asked = false;
                        self.board.reopen(compute.session);
                    }
                }
            }
            Loss::Fatal(job) => {
                let message = message!("The computation stopped twice: {reason}", "计算两次中止：{reason}");
                if side == Side::Gpu {
                    // `auto` does not wait for this again; who names the GPU may.
                    self.gpu = Knowledge::Unavailable(message.clone());
                }
                after.answers.extend(self.jobs.remove(&job).map(|p| (p.reply, Err(RunError::Failed(message)))));
            }
        }
        (after, port)
    }
}
