//! A configuration as it was written: text with its comments and order, and what it means.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    Config, ConfigError, Edit, change::apply, differences::differences, raw,
    secrets::without_secrets, source::Source, validate::validate,
};

/// A valid configuration and its text, which edits change in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    text: String,
    config: Config,
    path: Option<PathBuf>,
    /// What the file held when it was last read or written.
    stored: Option<String>,
}

impl Document {
    /// Checks a text. `origin` is what errors call it: its file, or what stands for that.
    ///
    /// # Errors
    ///
    /// When the text is not a valid configuration: the first thing that is wrong.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, ConfigError> {
        let source = Source { origin, text };
        let config = validate(&raw::parse(&source)?, &source)?;
        Ok(Self { text: text.to_owned(), config, path: None, stored: None })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not a valid configuration.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let document = Self::parse(&text, path)?;
        Ok(Self { path: Some(path.to_owned()), stored: Some(text), ..document })
    }

    /// A configuration without a file: everything at its default, no service.
    pub fn empty() -> Self {
        Self { text: String::new(), config: Config::default(), path: None, stored: None }
    }

    /// The same configuration as the next content of a file, which [`Document::save`] replaces
    /// whatever it holds.
    #[must_use]
    pub fn at(self, path: &Path) -> Self {
        Self { path: Some(path.to_owned()), stored: None, ..self }
    }

    /// The text, comments included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as it may be shown: without secrets.
    pub fn shown(&self) -> String {
        without_secrets(&self.text)
    }

    /// What the text means.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The document with a change made, and what changed in words: nothing, if it was so before.
    /// Comments, order and formatting stay; the comment of a removed item goes with it.
    ///
    /// # Errors
    ///
    /// When the edit names what does not exist or adds what does, or its result is not valid.
    pub fn edited(&self, edit: &Edit) -> Result<(Self, Vec<String>), ConfigError> {
        let text = apply(&self.text, &self.config, edit)?;
        // A line of a text that nobody has seen would help nobody.
        let parsed = Self::parse(&text, Path::new("")).map_err(|error| match error {
            ConfigError::Invalid { message, hint, .. } => ConfigError::Unfit { message, hint },
            ConfigError::File { .. }
            | ConfigError::Edit { .. }
            | ConfigError::Unfit { .. }
            | ConfigError::Changed { .. } => error,
        })?;
        let changes = differences(&self.config, &parsed.config);
        Ok((Self { path: self.path.clone(), stored: self.stored.clone(), ..parsed }, changes))
    }

    /// Writes the text to its file: beside it, to disk, then over it in one step. Its permissions
    /// stay; what it held is kept as `FILE.bak`. Without a file nothing happens.
    ///
    /// # Errors
    ///
    /// When the file changed since it was read, or cannot be written.
    pub fn save(&mut self) -> Result<(), ConfigError> {
        let Some(path) = &self.path else { return Ok(()) };
        // A link stays one: what it points to is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if let Some(stored) = &self.stored
            && target.exists()
            && read(&target)? != *stored
        {
            return Err(ConfigError::Changed { path: path.clone() });
        }
        replace(&target, &self.text).map_err(|source| ConfigError::File {
            action: "write",
            path: path.clone(),
            source,
        })?;
        self.stored = Some(self.text.clone());
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// The name of a file with more behind it.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(extension);
    PathBuf::from(name)
}

/// Replaces a file so that a reader or a power cut sees the old text or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let written = beside(path, ".new");
    let result = write_beside(path, &written, text).and_then(|()| fs::rename(&written, path));
    if let Err(error) = result {
        // Nothing is lost when this fails too: the next write truncates it.
        drop(fs::remove_file(&written));
        return Err(error);
    }
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => File::open(directory)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn write_beside(path: &Path, written: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(written)?;
    match fs::metadata(path) {
        Ok(before) => {
            file.set_permissions(before.permissions())?;
            std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
            fs::copy(path, beside(path, ".bak"))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
