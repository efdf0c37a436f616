//! Posting a batch of receipts and repeating it until it is acknowledged.
//!
//! Invariant: one post carries receipts of one vendor to one URL.

use super::{Arc, Callback, Courier, Duration, Ordering, Post, Receipt, Target, vendor};

/// Splits receipts into posts, keeping their order inside each.
pub(super) fn batches(receipts: Vec<Receipt>, most: usize) -> Vec<Vec<Receipt>> {
    let mut batches: Vec<Vec<Receipt>> = Vec::new();
    for receipt in receipts {
        let fits = |batch: &&mut Vec<Receipt>| {
            batch.len() < most.min(vendor::receipts_a_post(receipt.vendor))
                && batch.first().is_some_and(|first| {
                    (first.vendor, &first.url) == (receipt.vendor, &receipt.url)
                })
        };
        match batches.iter_mut().rev().find(fits) {
            Some(batch) => batch.push(receipt),
            None => batches.push(vec![receipt]),
        }
    }
    batches
}

impl Courier {
    /// Posts a batch until acknowledged, given up or stopped.
    pub(super) async fn deliver(&self, batch: Vec<Receipt>) {
        let mut pause = self.plan.retry.first_ms;
        for attempt in 1..=self.plan.retry.attempts {
            if self.try_post(&batch).await {
                return;
            }
            if attempt == self.plan.retry.attempts {
                break;
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            }
            pause = (pause * 2).min(self.plan.retry.most_ms);
        }
        let count = batch.len() as u64;
        self.counters.gave_up.fetch_add(count, Ordering::Relaxed);
        self.counters.waiting.fetch_sub(count, Ordering::Relaxed);
        tracing::warn!(count, "receipts were never acknowledged");
    }

    /// Posts a batch once; whether it was acknowledged as its vendor expects.
    pub(super) async fn try_post(&self, batch: &[Receipt]) -> bool {
        let Some(first) = batch.first() else {
            return true;
        };
        for receipt in batch {
            self.ledger.note_receipt(receipt.mark, receipt.delivered);
        }
        let acknowledged = match self.callback(first) {
            _ if self.plan.pull => {
                self.shelf.lock().extend(batch.iter().cloned());
                true
            }
            Ok(callback) => {
                self.counters.posts.fetch_add(1, Ordering::Relaxed);
                let post = self.compose(first, batch);
                match callback.post(&post).await {
                    Ok((status, body)) => vendor::acknowledged(first.vendor, status, &body),
                    Err(error) => {
                        tracing::debug!(%error, "receipts could not be posted");
                        false
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the call's callback URL cannot be used");
                false
            }
        };
        let count = batch.len() as u64;
        if acknowledged {
            self.counters
                .acknowledged
                .fetch_add(count, Ordering::Relaxed);
            self.counters.waiting.fetch_sub(count, Ordering::Relaxed);
        } else {
            self.counters.refused_posts.fetch_add(1, Ordering::Relaxed);
        }
        acknowledged
    }

    fn compose(&self, first: &Receipt, batch: &[Receipt]) -> Post {
        let (content_type, body) = vendor::receipts(first.vendor, batch);
        let signature = self.plan.token.as_ref().map(|token| {
            let url = first.url.as_deref().unwrap_or(&self.plan.url);
            vendor::receipt_signature(first, token.reveal(), url, &body)
        });
        let signature = signature.unwrap_or_default();
        Post {
            content_type,
            signature,
            body,
        }
    }

    fn callback(&self, receipt: &Receipt) -> Result<Arc<Callback>, String> {
        let url: Arc<str> = match &receipt.url {
            Some(url) => Arc::clone(url),
            None => self.plan.url.as_str().into(),
        };
        let mut targets = self.targets.lock();
        if let Some(callback) = targets.get(&url) {
            return Ok(Arc::clone(callback));
        }
        let callback = Callback::new(Target::parse(&url)?);
        // Callers may name any number of URLs; forgetting idle connections is harmless.
        if targets.len() >= TARGETS_KEPT {
            targets.clear();
        }
        targets.insert(url, Arc::clone(&callback));
        Ok(callback)
    }
}

const TARGETS_KEPT: usize = 100;
