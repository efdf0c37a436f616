//! The sans-IO contract between austin and the code that speaks a vendor's protocol.
//!
//! An adapter never opens a socket, reads a clock or draws a random number. It turns a
//! [`Batch`] into a request value, and a reply value into one [`Verdict`](austin_domain::Verdict)
//! per recipient. The host does all IO, in one place, with one set of limits.

pub mod account;
pub mod adapter;
pub mod call;
pub mod descriptor;
pub mod hosted;
pub mod question;
pub mod receipt;
pub mod sign;
pub mod smpp;

pub use account::Account;
pub use adapter::{Adapter, Attachment, Batch, Context, Item, State, Step};
pub use call::{
    Call, Fault, FaultKind, HttpReply, HttpRequest, Phase, Reply, SmtpReply, SmtpRequest, TlsMode,
};
pub use descriptor::validate::{FieldFault, validate};
pub use descriptor::{
    Batching, Capabilities, CodeMeaning, Descriptor, Field, FieldKind, Price, PriceUnit,
    VendorLimits,
};
pub use hosted::{Hosted, LoadFault, Loader, Source, Speaker};
pub use question::{Answer, Asking, Balance, Found, Pulled, Question, Subject, Token, TokenWant};
pub use receipt::{Inbound, Mark, Outcome, PersonReply, Receipt, Receipts, Refused};
pub use smpp::{
    DeliverSm, SmppAddress, SmppBind, SmppMode, SmppPart, SmppReply, SmppRequest, SmppTlv, SubmitSm,
};
