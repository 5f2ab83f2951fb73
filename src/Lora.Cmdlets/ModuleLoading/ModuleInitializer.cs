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
        string module = Path.GetDirectoryName(typeof(ModuleInitializer).Assembly.Location)!;
        DependencyContext context = new(Path.Combine(module, "deps"));
        AssemblyLoadContext.Default.Resolving += (_, name) => context.Find(name);
        return context;
    }
}
