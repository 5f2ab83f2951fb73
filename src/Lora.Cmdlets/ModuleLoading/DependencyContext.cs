using System.Reflection;
using System.Runtime.Loader;
using Lora.Native;

namespace Lora.Commands;

/// <summary>Holds the assemblies of bin/deps, apart from whatever copies of them the session has loaded.</summary>
internal sealed class DependencyContext(string folder) : AssemblyLoadContext("Lora")
{
    /// <summary>Loads the assembly out of the folder; null when it is not there.</summary>
    // By path only: asking a context for the name of an absent file would come back here through the Resolving event, without end.
    public Assembly? Find(AssemblyName name)
    {
        string path = Path.Combine(folder, name.Name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }

    protected override Assembly? Load(AssemblyName assemblyName) => Find(assemblyName);

    // PowerShell's own search adds an ending to the name, but no "lib" before it: libLibTorchSharp.so it does not find.
    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        TorchLibrary.FindFile(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
