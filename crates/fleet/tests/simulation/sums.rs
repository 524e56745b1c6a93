//! Adds up the outcomes of many histories, and prints the sum.

use crate::{history, scaling, upkeep};
use std::{
    fmt::{Display, Formatter, Result},
    ops::AddAssign,
};

impl AddAssign for history::Told {
    fn add_assign(&mut self, other: Self) {
        self.launches += other.launches;
        self.processes += other.processes;
        self.requests += other.requests;
        self.virtual_time += other.virtual_time;
    }
}

impl Display for history::Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { launches, processes, requests, .. } = self;
        let hours = self.virtual_time.as_secs_f64() / 3600.0;
        write!(
            f,
            "{launches} launches accepted, {processes} processes, {requests} requests, {hours:.0} h of virtual time"
        )
    }
}

impl AddAssign for upkeep::Told {
    fn add_assign(&mut self, other: Self) {
        self.cleanups += other.cleanups;
        self.deletions += other.deletions;
    }
}

impl Display for upkeep::Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} cleanups, {} deletions sent", self.cleanups, self.deletions)
    }
}

impl AddAssign for scaling::Told {
    fn add_assign(&mut self, other: Self) {
        self.scales += other.scales;
        self.deaths += other.deaths;
        self.launches += other.launches;
        self.terminations += other.terminations;
        self.keepers += other.keepers;
        self.replacements += other.replacements;
        self.outages += other.outages;
        self.unlisted += other.unlisted;
    }
}

impl Display for scaling::Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { scales, deaths, launches, terminations, keepers, replacements, outages, unlisted } = self;
        write!(
            f,
            "{scales} scales ended, {deaths} died, {launches} launches, {terminations} terminations, \
             {keepers} keepers, {replacements} replacements, {outages} outages, {unlisted} configs without a region"
        )
    }
}
