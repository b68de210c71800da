//! What an adapter says of itself. Natively a driver tells its name; browsers tell little, and each something else.

use crate::engine::Adapter;

/// Every text that there is about an adapter; empty where nothing is told.
#[derive(Debug, Default)]
struct Told {
    /// The driver's name for it; a browser's description.
    description: String,
    device: String,
    vendor: String,
    architecture: String,
    driver: String,
}

/// Parts of the names of adapters that imitate a GPU on the CPU, in lower case.
const SOFTWARE: [&str; 5] = ["swiftshader", "llvmpipe", "lavapipe", "softpipe", "microsoft basic render"];

impl Told {
    /// The most telling of what is told.
    fn name(&self) -> String {
        let maker = format!("{} {}", self.vendor.trim(), self.architecture.trim());
        let names = [&self.description, &self.device, &maker];
        // Nobody is told anything by "0x0000".
        let name = names.into_iter().map(|name| name.trim()).find(|name| !name.is_empty() && !name.starts_with("0x"));
        name.unwrap_or("the GPU").to_owned()
    }

    /// Whether any of it names an adapter that is known to be software.
    fn software(&self) -> bool {
        let Self { description, device, vendor, architecture, driver } = self;
        [description, device, vendor, architecture, driver].iter().any(|text| {
            let text = text.to_lowercase();
            SOFTWARE.iter().any(|name| text.contains(name))
        })
    }
}

/// Of an adapter and the device that it opened.
pub(super) fn facts(adapter: &wgpu::Adapter, device: &wgpu::Device) -> Adapter {
    let info = adapter.get_info();
    let driver = format!("{} {}", info.driver, info.driver_info);
    let told = Told { description: info.name, driver, ..in_browser(device) };
    Adapter {
        name: told.name(),
        software: info.device_type == wgpu::DeviceType::Cpu || told.software(),
        timestamps: device.features().contains(wgpu::Features::TIMESTAMP_QUERY),
    }
}

/// What a browser tells and wgpu does not pass on: it takes the description alone for a name, which browsers leave empty.
#[cfg(target_arch = "wasm32")]
fn in_browser(device: &wgpu::Device) -> Told {
    // Browsers that lack `GPUDevice.adapterInfo` have a hole there.
    let info = device.as_webgpu().map(|device| device.adapter_info()).filter(|info| !info.is_undefined());
    info.map_or_else(Told::default, |info| Told {
        device: info.device(),
        vendor: info.vendor(),
        architecture: info.architecture(),
        ..Told::default()
    })
}

/// Natively wgpu tells all there is.
#[cfg(not(target_arch = "wasm32"))]
fn in_browser(_: &wgpu::Device) -> Told {
    Told::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(description: &str, device: &str, vendor: &str, architecture: &str, driver: &str) -> Told {
        let [description, device, vendor, architecture, driver] =
            [description, device, vendor, architecture, driver].map(str::to_owned);
        Told { description, device, vendor, architecture, driver }
    }

    #[test]
    fn the_most_telling_text_is_the_name() {
        for (told, name) in [
            (told("NVIDIA H200", "0x2335", "nvidia", "hopper", ""), "NVIDIA H200"),
            (told("", "Adreno 740", "qualcomm", "adreno-7xx", ""), "Adreno 740"),
            (told("", "", "apple", "metal-3", ""), "apple metal-3"),
            (told("", "0x1234", "intel", "", ""), "intel"),
            (told(" ", "", "", "", ""), "the GPU"),
        ] {
            assert_eq!(told.name(), name, "{told:?}");
        }
    }

    #[test]
    fn software_is_known_by_any_of_its_names() {
        for software in [
            told("llvmpipe (LLVM 15.0.6, 256 bits)", "", "", "", "llvmpipe Mesa"),
            told("", "", "google", "swiftshader", ""),
            told("Microsoft Basic Render Driver", "", "microsoft", "", ""),
            told("", "", "mesa", "", "lavapipe"),
        ] {
            assert!(software.software(), "{software:?}");
        }
        for hardware in [
            told("", "", "nvidia", "ampere", ""),
            told("", "", "google", "", ""),
            told("AMD Radeon RX 7900 XTX (RADV NAVI31)", "", "", "", "radv Mesa 24.0"),
        ] {
            assert!(!hardware.software(), "{hardware:?}");
        }
    }
}
