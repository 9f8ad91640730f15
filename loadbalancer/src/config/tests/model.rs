//! What an edit says, done to the typed configuration instead of the text.

use proptest::{prelude::*, test_runner::TestCaseError};

use crate::config::{Config, Edit};

/// Compares an edited configuration with what the edit says.
pub(super) fn check(before: &Config, edit: &Edit, after: &Config) -> Result<(), TestCaseError> {
    let mut expected = before.clone();
    // An addition is taken over from the result: that it is the last, and alone, is what counts.
    match edit {
        Edit::AddService(new) => {
            let added = after.services.last().unwrap();
            prop_assert_eq!(&added.name, &new.name);
            prop_assert_eq!(added.address.to_string(), new.address.clone());
            expected.services.push(added.clone());
        }
        Edit::RemoveService { service } => expected.services.retain(|one| one.name != *service),
        Edit::AddBackend { service, backend } => {
            let find = |one: &Config| one.services.iter().position(|one| one.name == *service);
            let added = after.services[find(after).unwrap()].backends.last().unwrap();
            prop_assert_eq!(added.weight, backend.weight.unwrap_or(100));
            prop_assert_eq!(added.backup, backend.backup);
            prop_assert_eq!(&added.name, backend.name.as_ref().unwrap_or(&backend.address));
            let index = find(&expected).unwrap();
            expected.services[index].backends.push(added.clone());
        }
        Edit::SetBackend { service, backend, settings } => {
            let service = expected.services.iter_mut().find(|one| one.name == *service).unwrap();
            let index = position(&service.backends, backend);
            let backend = &mut service.backends[index];
            backend.weight = settings.weight.unwrap_or(backend.weight);
            backend.backup = settings.backup.unwrap_or(backend.backup);
            backend.state = settings.state.unwrap_or(backend.state);
        }
        Edit::RemoveBackend { service, backend } => {
            let service = expected.services.iter_mut().find(|one| one.name == *service).unwrap();
            let index = position(&service.backends, backend);
            service.backends.remove(index);
        }
        Edit::AddRule(new) => {
            let added = after.firewall.rules.last().unwrap();
            prop_assert_eq!((&added.name, added.action), (&new.name, new.action));
            expected.firewall.rules.push(added.clone());
        }
        Edit::RemoveRule { rule } => expected.firewall.rules.retain(|one| one.name != *rule),
    }
    prop_assert_eq!(&expected, after);
    Ok(())
}

fn position(backends: &[crate::config::BackendConfig], wanted: &str) -> usize {
    let by_name = backends.iter().position(|one| one.name == wanted);
    by_name
        .or_else(|| backends.iter().position(|one| one.address.ip().to_string() == wanted))
        .unwrap()
}
