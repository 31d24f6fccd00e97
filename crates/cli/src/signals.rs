//! What happens when the command is told to end.

/// Removes temporary files that have names when the command is ended by Ctrl-C, `kill` or a closed terminal. Those without names
/// go by themselves.
pub(crate) fn clean_up_when_ended() {
    // Without it the command ends as well, and leaves what `bitnpz clean` removes.
    drop(ctrlc::set_handler(|| {
        bitnpz::remove_temporary_files();
        // As shells say it of a program that was interrupted.
        std::process::exit(130);
    }));
}
