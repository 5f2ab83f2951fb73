using System.Management.Automation;

namespace Lora.Commands.Tests.Common;

/// <summary>Runs a test's work the way the module's long cmdlets run theirs.</summary>
internal sealed class InvokeWorkCommand : AsyncLoraCmdlet
{
    [Parameter(Mandatory = true)]
    public Action<PipelineWorker, CancellationToken>? Work { get; set; }

    protected override void EndWork() => RunOnWorker("work", Work!);
}
