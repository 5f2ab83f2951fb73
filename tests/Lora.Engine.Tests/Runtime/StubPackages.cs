using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Lora.Runtime;

namespace Lora.Tests.Runtime;

/// <summary>A folder of packages in the form of NuGet's, made up: their libraries hold a few bytes.</summary>
internal sealed class StubPackages(string folder)
{
    public const string Version = "2.10.0";

    public string Folder => folder;

    /// <summary>The two packages of the processor's runtime for Linux, with what is not needed beside what is.</summary>
    public IReadOnlyList<RuntimePackage> Cpu() =>
    [
        Add("TorchSharp", [], ("runtimes/linux-x64/native/libLibTorchSharp.so", "bridge"), ("runtimes/win-x64/native/LibTorchSharp.dll", "another"), ("lib/net8.0/TorchSharp.dll", "managed"), ("LICENSE.txt", "MIT")),
        Add(
            "libtorch-cpu-linux-x64",
            [],
            ("runtimes/linux-x64/native/libtorch_cpu.so", new string('t', 100_000)),
            ("runtimes/linux-x64/native/libc10.so", "c10"),
            ("runtimes/linux-x64/native/libgomp-98b21ff3.so.1", "gomp"),
            ("runtimes/linux-x64/native/libtorch_python.so", "python"),
            ("runtimes/linux-x64/native/libtorchbind_test.so", "test"),
            ("LICENSE-LIBTORCH.txt", "terms")),
    ];

    /// <summary>CUDA's for Windows, whose libtorch is a package without files that names its parts; nothing is known of their hashes.</summary>
    /// <param name="hash">What is said of the library that lies in three packages; null for the truth.</param>
    public IReadOnlyList<RuntimePackage> Cuda(string? hash = null)
    {
        const string Head = "libtorch-cuda-12.8-win-x64";
        string[] parts = [$"{Head}-part1", $"{Head}-part2-primary", $"{Head}-part2-fragment1", $"{Head}-part2-fragment2"];
        Add(parts[0], [], ("runtimes/win-x64/native/torch_cpu.dll", "torch"), ("runtimes/win-x64/native/c10.dll", "c10"), ("runtimes/win-x64/native/c10_cuda.dll", "c10 cuda"), ("LICENSE-LIBTORCH.txt", "terms"));
        Add(parts[1], [], ("runtimes/win-x64/native/torch_cuda.dll", "one "), ("runtimes/win-x64/native/torch_cuda.dll.sha", hash ?? Convert.ToHexStringLower(SHA256.HashData("one two three"u8))), ("LICENSE-LIBTORCH.txt", "terms"));
        Add(parts[2], [], ("fragments/win-x64/native/torch_cuda.dll.fragment1", "two "));
        Add(parts[3], [], ("fragments/win-x64/native/torch_cuda.dll.fragment2", "three"));
        Add(Head, parts);
        return [Add("TorchSharp", ["SkiaSharp"], ("runtimes/win-x64/native/LibTorchSharp.dll", "bridge")), new(Head, Version)];
    }

    /// <summary>Writes a package.</summary>
    public RuntimePackage Add(string id, string[] dependencies, params (string Path, string Content)[] files) =>
        Add(id, dependencies, files.Select(file => (file.Path, Encoding.UTF8.GetBytes(file.Content))));

    /// <summary>Writes a package of files that are no text.</summary>
    public RuntimePackage Add(string id, string[] dependencies, IEnumerable<(string Path, byte[] Content)> files)
    {
        string path = PathOf(id);
        Directory.CreateDirectory(folder);
        File.Delete(path);
        using (ZipArchive archive = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            string named = string.Concat(dependencies.Select(name => $"<dependency id=\"{name}\" version=\"[{Version}, )\" />"));
            string nuspec = $"<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\"><metadata><id>{id}</id><version>{Version}</version>"
                + $"<authors>A</authors><description>D</description><dependencies><group targetFramework=\".NETStandard2.0\">{named}</group></dependencies></metadata></package>";
            foreach ((string name, byte[] content) in files.Prepend(($"{id}.nuspec", Encoding.UTF8.GetBytes(nuspec))))
            {
                using Stream entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return new(id, Version, HashOf(id));
    }

    public string PathOf(string id) => Path.Combine(folder, $"{id}.{Version}.nupkg".ToLowerInvariant());

    public string HashOf(string id) => Convert.ToBase64String(SHA512.HashData(File.ReadAllBytes(PathOf(id))));
}
