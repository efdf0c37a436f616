//! The contract as plain JSON values: what a script is given and what it gives back.
//! `adapter.d.ts` says the same for authors.

mod given;
mod said;

pub(crate) use given::{
    AccountGiven, BatchGiven, ContextGiven, InboundGiven, QuestionGiven, ReplyGiven, query,
};
pub(crate) use said::{ANSWER_TYPES, AskingSaid, ReceiptSaid, ReceiptsSaid, StepSaid, VerdictSaid};
