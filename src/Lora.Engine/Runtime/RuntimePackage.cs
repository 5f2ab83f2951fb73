using Lora.Native;

namespace Lora.Runtime;

/// <summary>A NuGet package with native libraries, as the build uses it.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Version">Its version, of which there is one for ever.</param>
/// <param name="Hash">SHA-512 of its file in base 64, as NuGet writes it beside a package; null where this is not known, and the feed is asked for it.</param>
/// <param name="Unpacked">Bytes of the files in it that are needed at run time; null where this is not known.</param>
internal sealed record RuntimePackage(string Id, string Version, string? Hash = null, long? Unpacked = null)
{
    private const string Libtorch = "2.10.0";

    // The bridges of all platforms: TorchSharp calls them, and they call libtorch.
    private static readonly RuntimePackage Bridge = new(
        "TorchSharp", UserRuntime.Version, "fPXVTF5bUGX7lQqSafcP2W9n3ehuFNKCch7JYghGnEDdDyjOMxtuk0/JJWNiwI82Cw4Lmx3HN7MCoSFFRZeWig==", 2_399_008);

    // Those of CUDA name their parts themselves. Hashes of their files are not known here, and the feed is asked.
    private static readonly (LoraBackend Backend, string Platform, RuntimePackage Package)[] All =
    [
        (LoraBackend.Cpu, "linux-x64", new("libtorch-cpu-linux-x64", Libtorch, "XjuaFwqqvwstyeUWyz/xtfhODesmagoPKO7T0VRmiW+r0pJwsXB/vHydA7it9xge36PSXW1qLyRRzvM3J8i9UA==", 462_966_563)),
        (LoraBackend.Cpu, "win-x64", new("libtorch-cpu-win-x64", Libtorch, "qvrEe8b8U1SPnsqShWgJ9gE/UfzFiq+QRPJdAegxwtEBgL/jZPQPvKAhqYkpEe5kb6AXCi840KDqvDaHQuAqEA==", 267_909_856)),
        (LoraBackend.Cpu, "osx-arm64", new("libtorch-cpu-osx-arm64", Libtorch, "njbW4NbjnO3UYsZymJA5EA8kvFQZveW2rVS07QinYOxxgs6hyZFTI82zBDt0ix1yRRCZ+v+fm+pHXG37WKjyhA==", 215_955_944)),
        (LoraBackend.Cuda, "linux-x64", new("libtorch-cuda-12.8-linux-x64", Libtorch)),
        (LoraBackend.Cuda, "win-x64", new("libtorch-cuda-12.8-win-x64", Libtorch)),
    ];

    /// <summary>The packages of a runtime, without those that they name themselves.</summary>
    /// <exception cref="LoraException">RuntimeUnavailable: there is none for the platform.</exception>
    public static IReadOnlyList<RuntimePackage> Of(LoraBackend backend, string platform) =>
        All.FirstOrDefault(entry => entry.Backend == backend && entry.Platform == platform).Package is RuntimePackage package
            ? [Bridge, package]
            : throw LoraException.Of(
                LoraError.RuntimeUnavailable, backend, backend, platform, string.Join(", ", All.Where(entry => entry.Backend == backend).Select(entry => entry.Platform)));

    /// <inheritdoc/>
    public override string ToString() => $"{Id} {Version}";
}
