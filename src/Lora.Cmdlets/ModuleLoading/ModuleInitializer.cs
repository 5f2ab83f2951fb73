using System.Management.Automation;
using System.Runtime.Loader;

namespace Lora.Commands;

/// <summary>Makes the assemblies of bin/deps available to the module. PowerShell calls it at every import, in each runspace.</summary>
public sealed class ModuleInitializer : IModuleAssemblyInitializer
{
    // One for the process: a second runspace shares the assemblies, and nothing is taken back when one of them removes the module.
    private static readonly Lazy<DependencyContext> Context = new(Create);

    /// <inheritdoc/>
    public void OnImport() => _ = Context.Value;

    private static DependencyContext Create()
    {
        // Names the engine, so that it is loaded and a script can write [Lora.LoraConfig] before any cmdlet has run.
        string bin = Path.GetDirectoryName(typeof(LoraException).Assembly.Location)!;
        DependencyContext context = new(Path.Combine(bin, "deps"));
        AssemblyLoadContext.Default.Resolving += (_, name) => context.Find(name);
        return context;
    }
}
