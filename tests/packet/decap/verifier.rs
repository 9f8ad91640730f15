//! What the verifier has to read of the program.

use super::backend::Backend;

/// Three times what it reads now, so that a change that multiplies it is seen.
const MOST_INSTRUCTIONS: u32 = 50_000;
/// Bytes of the program as the kernel keeps it.
const MOST_BYTES: u32 = 24 * 1024;

#[test]
fn the_program_loads_within_bounds() {
    let mut backend = Backend::new();
    let info = backend.decapsulator().xdp().unwrap().info().unwrap();
    let instructions = info.verified_instruction_count().unwrap();
    let bytes = info.size_translated().unwrap();
    println!("decap: {instructions} instructions verified, {bytes} bytes translated");
    assert!(instructions < MOST_INSTRUCTIONS, "{instructions} instructions");
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
}
