//! Who is who, and may what.

use host_harness::contract::auth_context::{Caller, OwnerRight, Settings};
use host_harness::contract::{Schedule, User};
use host_harness::storage::Scope;
use host_harness::testing::conformance::{Right, Stands};

use super::{Memory, State, Stored};

impl Memory {
    pub(super) fn user(&self, state: &State, name: &str) -> Option<User> {
        let user = self.world.users.iter().find(|user| user.name == name)?;
        (!state.gone.contains(name)).then(|| User {
            id: user.name.clone(),
            email: user.email.clone(),
            language: user.language.clone(),
            active: !state.inactive.contains(name),
        })
    }

    /// Rights of a user who is there, active or not.
    pub(super) fn rights_of(&self, state: &State, name: &str) -> &[Right] {
        let user = self.world.users.iter().find(|user| user.name == name);
        match user {
            Some(user) if !state.gone.contains(name) && !state.without_rights.contains(name) => &user.rights,
            _ => &[],
        }
    }

    /// Rights of a caller.
    pub(super) fn rights(&self, state: &State, caller: &str) -> Vec<Right> {
        let found = self.world.callers.iter().find(|one| one.name == caller);
        match found.map(|caller| &caller.stands) {
            Some(Stands::User(name)) => self.rights_of(state, name).to_vec(),
            Some(Stands::Token(right)) => vec![right.clone()],
            Some(Stands::Device { .. }) | None => Vec::new(),
        }
    }

    pub(super) fn stands_for(&self, state: &State, caller: &str) -> Result<Caller, String> {
        let found = self.world.callers.iter().find(|one| one.name == caller);
        match found.map(|caller| &caller.stands) {
            Some(Stands::User(name)) => {
                let user = self.user(state, name).ok_or_else(|| format!("{name} is gone"))?;
                Ok(Caller::User(user))
            }
            Some(Stands::Token(_)) => Ok(Caller::Token),
            Some(Stands::Device { .. }) => Ok(Caller::Device),
            None => Err(format!("there is no caller {caller}")),
        }
    }

    pub(super) fn settings(&self, scope: &Scope) -> Settings {
        let organizer = self.world.organizers.iter().find(|one| one.slug == scope.organizer);
        let organizer = organizer.expect("the steps name organizers of the world");
        let event = |slug: &String| {
            let mut events = self.world.events.iter();
            events.find(|event| event.organizer == scope.organizer && event.slug == *slug)
        };
        let zone = scope
            .event
            .as_ref()
            .and_then(event)
            .map_or(&organizer.zone, |event| &event.zone);
        Settings {
            now: self.now(),
            zone: zone.clone(),
            languages: vec!["en".into()],
            recipient_domains: organizer.recipient_domains.clone(),
            mail_bytes: organizer.mail_bytes,
            configuration_url: "https://tickets.example/".into(),
            latest_event: 0,
        }
    }

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

    /// Who is written to about a schedule: its owner, or without an active one those who may change settings there.
    pub(super) fn responsible(&self, state: &State, stored: &Stored) -> Vec<String> {
        let owner = self.user(state, &stored.owner);
        let stays = |owner: &User| owner.active || self.is(super::Fault::WritesToTheInactive);
        if let Some(owner) = owner.filter(stays) {
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

pub(super) fn may_change_settings(rights: &[Right], scope: &Scope) -> bool {
    rights.iter().any(|right| right.settings && covers(right, scope))
}

/// At an organizer as a whole, who may export one of its events may export there.
pub(super) fn may_export(rights: &[Right], scope: &Scope) -> bool {
    rights.iter().any(|right| {
        right.export && right.organizer == scope.organizer && (scope.event.is_none() || covers(right, scope))
    })
}
