//! Callers and users, and their permissions.

use super::{Access, Change, Memory, Right, Stands, State, Stored};
use crate::Scope;
use crate::contract::auth_context::{AccessContext, Caller, OwnerRight, Settings};
use crate::contract::{Schedule, User};

impl Memory {
    /// Creates the handle of one call for a caller of the world.
    ///
    /// # Errors
    /// A text, if the caller does not exist or its user is deleted.
    pub fn access(&self, caller: &str, at: &Scope) -> Result<Access, String> {
        let state = self.state();
        let found = self.world.callers.iter().find(|one| one.name == caller);
        let found = found.ok_or_else(|| format!("there is no caller {caller}"))?;
        let user = match &found.stands {
            Stands::User(name) => Some(name.clone()),
            Stands::Token(_) | Stands::Device { .. } => None,
        };
        let stands_for = match &found.stands {
            Stands::User(name) => {
                let user = self.user(&state, name).ok_or_else(|| format!("{name} is gone"))?;
                Caller::User(user)
            }
            Stands::Token(_) => Caller::Token,
            Stands::Device { .. } => Caller::Device,
        };
        Ok(Access {
            facts: AccessContext {
                caller: stands_for,
                language: "en".into(),
                event_level: at.event.is_some(),
                may_change_settings: may_change_settings(&self.rights(&state, caller), at),
                may_write: found.may_write,
                settings: self.settings(at),
            },
            scope: at.clone(),
            caller: caller.into(),
            user,
            found: state.clone(),
            draft: state.clone(),
            owners: Default::default(),
            notices: Default::default(),
        })
    }

    /// Changes a user of the world.
    pub fn change_user(&self, user: &str, change: Change) {
        let mut state = self.state();
        match change {
            Change::Inactive => state.inactive.insert(user.into()),
            Change::WithoutRights => state.without_rights.insert(user.into()),
            Change::Gone => state.gone.insert(user.into()),
        };
    }

    /// Returns a user of the world as the component sees it; `None` if deleted.
    #[must_use]
    pub fn user(&self, state: &State, name: &str) -> Option<User> {
        let user = self.world.users.iter().find(|user| user.name == name)?;
        (!state.gone.contains(name)).then(|| User {
            id: user.name.clone(),
            email: user.email.clone(),
            language: user.language.clone(),
            active: !state.inactive.contains(name),
        })
    }

    /// Returns the permissions of a user who exists, active or not.
    pub(super) fn rights_of(&self, state: &State, name: &str) -> &[Right] {
        let user = self.world.users.iter().find(|user| user.name == name);
        match user {
            Some(user) if !state.gone.contains(name) && !state.without_rights.contains(name) => &user.rights,
            _ => &[],
        }
    }

    /// Returns the permissions of a caller.
    #[must_use]
    pub fn rights(&self, state: &State, caller: &str) -> Vec<Right> {
        let found = self.world.callers.iter().find(|one| one.name == caller);
        match found.map(|caller| &caller.stands) {
            Some(Stands::User(name)) => self.rights_of(state, name).to_vec(),
            Some(Stands::Token(right)) => vec![right.clone()],
            Some(Stands::Device { .. }) | None => Vec::new(),
        }
    }

    pub(super) fn settings(&self, scope: &Scope) -> Settings {
        let organizer = self.world.organizer(&scope.organizer);
        let event = scope.event.as_ref().and_then(|slug| {
            let mut events = self.world.events.iter();
            events.find(|event| event.organizer == scope.organizer && event.slug == *slug)
        });
        let zone = event.map(|event| &event.zone).or(organizer.map(|one| &one.zone));
        Settings {
            now: self.now(),
            zone: zone.map_or_else(|| "UTC".into(), String::clone),
            languages: vec!["en".into()],
            recipient_domains: organizer.and_then(|one| one.recipient_domains.clone()),
            mail_bytes: organizer.map_or(0, |one| one.mail_bytes),
            configuration_url: "https://tickets.example/".into(),
            latest_event: 0,
        }
    }

    /// Returns the current permissions of a schedule's owner.
    pub(super) fn owner_right(&self, state: &State, stored: &Stored) -> OwnerRight {
        match self.user(state, &stored.owner) {
            None => OwnerRight::Gone,
            Some(user) if !user.active => OwnerRight::Inactive,
            Some(_) if may_export(self.rights_of(state, &stored.owner), &stored.scope) => OwnerRight::Yes,
            Some(_) => OwnerRight::NotAllowed,
        }
    }

    pub(super) fn shown(&self, state: &State, id: u64, stored: &Stored) -> Schedule {
        Schedule {
            id,
            owner: self.user(state, &stored.owner),
            version: stored.version,
            content: stored.content.clone(),
        }
    }

    /// Returns who receives mail about a schedule: its owner, or without an active owner the users who can change settings there.
    pub(super) fn responsible(&self, state: &State, stored: &Stored) -> Vec<String> {
        if let Some(owner) = self.user(state, &stored.owner).filter(|owner| owner.active) {
            return vec![owner.email];
        }
        let users = self.world.users.iter().filter_map(|user| self.user(state, &user.name));
        let may =
            users.filter(|user| user.active && may_change_settings(self.rights_of(state, &user.id), &stored.scope));
        may.take(10).map(|user| user.email).collect()
    }
}

fn covers(right: &Right, scope: &Scope) -> bool {
    let at = |event: &String| right.events.as_ref().is_none_or(|events| events.contains(event));
    right.organizer == scope.organizer && scope.event.as_ref().map_or(right.events.is_none(), at)
}

/// Returns whether these permissions include changing settings there.
#[must_use]
pub fn may_change_settings(rights: &[Right], scope: &Scope) -> bool {
    rights.iter().any(|right| right.settings && covers(right, scope))
}

/// Returns whether these permissions include exporting there. At an organizer as a whole, permission for one of its events is
/// enough.
#[must_use]
pub fn may_export(rights: &[Right], scope: &Scope) -> bool {
    rights.iter().any(|right| {
        right.export && right.organizer == scope.organizer && (scope.event.is_none() || covers(right, scope))
    })
}
