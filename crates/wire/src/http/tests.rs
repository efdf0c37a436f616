mod faults;
mod reuse;
mod target;
mod tls;
