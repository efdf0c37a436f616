//! The contract as plain JSON values: what a script is given and what it gives back.
//! `adapter.d.ts` says the same for authors.

mod given;
mod said;

pub(crate) use given::{
    AccountGiven, BatchGiven, ContextGiven, InboundGiven, QuestionGiven, ReplyGiven,
};
pub(crate) use said::{AskingSaid, ReceiptSaid, ReceiptsSaid, StepSaid, VerdictSaid};
