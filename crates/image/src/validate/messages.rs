//! Messages: each input axon hears exactly one lane, the one it names.

use super::names::core_of;
use super::{Site, at};
use crate::{AxonIn, AxonOut, Image, ImageError};

/// Whether a message reaches each input axon. Shape: `[core]`[axon].
type Heard = Vec<Vec<bool>>;

pub(super) fn check(image: &Image) -> Result<(), ImageError> {
    let projection = projection_of_axons(image);
    let mut heard: Heard =
        image.cores.iter().map(|core| vec![false; core.axons_in.len()]).collect();
    // One message of a lane of a population: whether it may arrive at (core, axon).
    let mut arrive = |population: &str, lane: u32, core: u32, axon: u16| {
        let Some((position, receiver)) = core_of(image, core) else {
            return Err(format!("there is no core {core}"));
        };
        let k = usize::from(axon);
        let Some(record) = receiver.axons_in.get(k) else {
            return Err(format!("core {core} has no input axon {axon}"));
        };
        let pre = &image.map.projections[projection[position][k]].pre;
        if (pre.as_str(), record.pre) != (population, lane) {
            let to = format!("input axon {axon} of core {core}");
            return Err(format!("{to} is that of '{pre}', lane {}", record.pre));
        }
        if std::mem::replace(&mut heard[position][k], true) {
            return Err(format!("input axon {axon} of core {core} has another message already"));
        }
        Ok(())
    };
    for p in &image.map.populations {
        for (lane, messages) in (0u32..).zip(&p.input_axons) {
            for &(core, axon) in messages {
                arrive(&p.name, lane, core, axon).map_err(|what| {
                    Site::Map.fault(format!("'{}', lane {lane}: {what}", p.name))
                })?;
            }
        }
        for s in &p.slices {
            let (_, sender) = core_of(image, s.core).expect("internal: slices were checked");
            let compartments = &sender.compartments[s.first_compartment as usize..][..s.n as usize];
            for (lane, c) in (s.first_lane..).zip(compartments) {
                for k in c.first_out..c.first_out + c.n_out {
                    let message = sender.axons_out[k as usize];
                    arrive(&p.name, lane, message.core, message.axon).map_err(|what| {
                        let site = at::<AxonOut>(sender.id, k as usize);
                        site.fault(format!("'{}', lane {lane}: {what}", p.name))
                    })?;
                }
            }
        }
    }
    for (core, heard) in image.cores.iter().zip(heard) {
        if let Some(k) = heard.iter().position(|heard| !heard) {
            let site = at::<AxonIn>(core.id, k);
            return Err(site.fault(format!("no message ever reaches input axon {k}")));
        }
    }
    Ok(())
}

/// The projection of each input axon. Shape: `[core]`[axon].
fn projection_of_axons(image: &Image) -> Vec<Vec<usize>> {
    let of_core = |core: &crate::Core| {
        let mut projections = Vec::with_capacity(core.axons_in.len());
        for group in &core.groups {
            let n = group.n_axons as usize;
            projections.extend(std::iter::repeat_n(usize::from(group.projection), n));
        }
        projections
    };
    image.cores.iter().map(of_core).collect()
}
