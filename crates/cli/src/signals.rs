//! Handles signals that end the command.

/// Removes named temporary files when the command is ended by Ctrl-C, `kill` or a closed terminal. The system removes
/// unnamed ones.
pub(crate) fn clean_up_when_ended() {
    // Without the handler the command ends all the same, and leaves files for `bitnpz clean` to remove.
    drop(ctrlc::set_handler(|| {
        bitnpz::remove_temporary_files();
        // The shells' exit code for an interrupted program: 128 + SIGINT.
        std::process::exit(130);
    }));
}
