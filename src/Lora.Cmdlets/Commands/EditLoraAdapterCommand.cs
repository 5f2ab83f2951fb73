using System.Collections;
using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Makes changed copies of adapters: modules left out or scaled, ranks made smaller. No model is needed.</summary>
[Cmdlet(VerbsData.Edit, "LoraAdapter", DefaultParameterSetName = AdapterSet, HelpUri = HelpAddress.Pages + "Edit-LoraAdapter.md")]
[OutputType(typeof(LoraAdapterEdit))]
public sealed class EditLoraAdapterCommand : AdapterCmdlet
{
    /// <summary>Globs of the modules to keep, for example <c>**.mlp.**</c>.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Include { get; set; } = [];

    /// <summary>Globs of the modules to leave out.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Exclude { get; set; } = [];

    /// <summary>The factor of what the kept modules change.</summary>
    [Parameter]
    [ValidateRange(double.MinValue, double.MaxValue)] // neither infinity nor NaN, which compares below all numbers
    public double Scale { get; set; } = 1;

    /// <summary>Other factors for some modules: globs to factors, the first that matches decides. Use [ordered]@{} when order matters.</summary>
    [Parameter]
    public IDictionary? ScalePattern { get; set; }

    /// <summary>The rank to truncate each module to by its singular values.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Rank { get; set; }

    /// <summary>The share of each module's change that is kept at least: every module gets the smallest rank that does.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double? Retain { get; set; }

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

    /// <inheritdoc/>
    private protected override void ProcessAdapter(AdapterSource source)
    {
        EditOptions options = new()
        {
            Include = Include,
            Exclude = Exclude,
            Scale = Scale,
            ScalePattern = ScalePattern is null ? [] : PatternValues.Of(nameof(ScalePattern), ScalePattern),
            Rank = Rank,
            Retain = Retain,
            Thread = Thread,
        };
        if (Reported(() => source.Load(this)) is LoraAdapter adapter)
        {
            try
            {
                RunOnWorker("Editing LoRA adapter", (worker, cancellation) => worker.Write(new PipelineRecord.Output(AdapterEditor.Edit(adapter, options, worker, cancellation))));
            }
            // An adapter that cannot be changed does not end the pipeline for those behind it.
            catch (LoraException exception)
            {
                WriteError(exception);
            }
        }
    }
}
