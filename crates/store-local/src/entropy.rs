//! Randomness from the operating system, cheap enough for every id, nonce and jitter.
//!
//! Invariant: no byte from the kernel is handed out twice. Each thread draws blocks of its own
//! and wipes what it has handed out, so that memory never tells past nonces.

use std::cell::RefCell;

use austin_ports::Entropy;
use zeroize::Zeroize;

/// The operating system's random numbers, read 4 KiB at a time per thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// When the operating system gives no randomness: nothing could be sealed safely then.
    fn next(&self) -> u128 {
        POOL.with_borrow_mut(Pool::draw)
    }
}

struct Pool {
    block: [u8; BLOCK_BYTES],
    used: usize,
}

impl Pool {
    fn draw(&mut self) -> u128 {
        if self.used == BLOCK_BYTES {
            if let Err(error) = getrandom::fill(&mut self.block) {
                panic!("the operating system gives no randomness: {error}");
            }
            self.used = 0;
        }
        let mut drawn = [0; WIDTH];
        let taken = &mut self.block[self.used..self.used + WIDTH];
        drawn.copy_from_slice(taken);
        taken.zeroize();
        self.used += WIDTH;
        u128::from_le_bytes(drawn)
    }
}

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool { block: [0; BLOCK_BYTES], used: BLOCK_BYTES })
    };
}

const BLOCK_BYTES: usize = 4096;
const WIDTH: usize = size_of::<u128>();

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn draws_never_repeat_within_and_across_threads_and_blocks() {
        let draws = || {
            (0..3 * BLOCK_BYTES / WIDTH)
                .map(|_| OsEntropy.next())
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draws)).collect();
        let all: Vec<u128> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        // Zero is what wiped bytes look like.
        assert!(!all.contains(&0));
    }

    #[test]
    fn what_was_handed_out_is_wiped() {
        let mut pool = Pool {
            block: [7; BLOCK_BYTES],
            used: 0,
        };
        pool.draw();
        assert_eq!(pool.block[..WIDTH], [0; WIDTH]);
        assert_eq!(pool.block[WIDTH], 7);
    }
}
