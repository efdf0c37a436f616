//! What people configure: every change is checked here, whoever asks for it.
