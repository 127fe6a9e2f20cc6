//! `gistmap devices`.

use gistmap::device;
use gistmap::protocol::DeviceChoice;
use gistmap::runtime::block_on;

use super::Failed;
use super::args::DevicesArguments;

pub(crate) fn devices(arguments: &DevicesArguments) -> Result<(), Failed> {
    let devices = block_on(device::list());
    if arguments.json {
        say!("{}", serde_json::to_string_pretty(&devices)?)?;
        return Ok(());
    }
    for device in &devices {
        let note = if device.software { "  software adapter: slower than cpu" } else { "" };
        say!("{:5} {}{note}", device.choice.to_string(), device.name)?;
    }
    let chosen = block_on(device::select(DeviceChoice::Auto))?;
    say!("auto  takes {}: {}", chosen.name, chosen.why)?;
    Ok(())
}
