//! The only place that touches BPF: load, attach, pin, adopt, read, write.
