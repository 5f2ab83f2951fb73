using System.Management.Automation;
using Lora.Hub;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Trains the adapter of each configuration, or goes on with each adapter; the base model is loaded once.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "LoraTraining", SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Invoke-LoraTraining.md")]
[OutputType(typeof(LoraTrainingResult), typeof(LoraTrainingStep))]
public sealed class InvokeLoraTrainingCommand : TrainingCmdlet
{
    private readonly HashSet<string> destinations = new(StringComparer.Ordinal);
    private TrainingSession? session;
    private PipelineRows? piped;
    private int begun;

    /// <summary>What training starts from: a configuration begins anew, an adapter or a result is gone on with. Without -Dataset, the rows to learn from.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Recorded<StartArgument>(Several = true)]
    public StartArgument[] InputObject { get; set; } = [];

    /// <summary>The adapter whose values training goes on from; beside a configuration, only its values.</summary>
    [Parameter]
    [Recorded<AdapterArgument>]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument? Adapter { get; set; }

    /// <summary>The folder that the adapter is written to at the end and when the run is stopped.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Gives each step as an object, as it is done, before the result.</summary>
    [Parameter]
    public SwitchParameter PassThruStep { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        if (Dataset.Length == 0)
        {
            Collect();
            return;
        }

        PathResolver paths = new(this);
        Train(DatasetArgument.Data(Dataset, DatasetWeight, ValidationDataset, paths), InputObject, paths);
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (piped is not null)
        {
            PathResolver paths = new(this);
            Train(new([], ValidationDataset?.Sets(paths) ?? []) { Rows = piped.Rows }, [], paths);
        }
    }

    /// <summary>Takes what is given as the rows to learn from, which is what it is where no files are named and something else is what is trained.</summary>
    private void Collect()
    {
        if (InputObject.Length == 0 || (Config is null && Adapter is null))
        {
            throw LoraException.Of(LoraError.DatasetNotGiven, null, InputObject.Length == 0 ? "-Dataset names none" : "-Dataset names none, and what is given is what training starts from");
        }

        if (DatasetWeight is not null)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, DatasetWeight, nameof(DatasetWeight), "given beside rows", "datasets that -Dataset names");
        }

        piped ??= new();
        foreach (StartArgument given in InputObject)
        {
            if (given.IsStart)
            {
                throw LoraException.Of(
                    LoraError.ConfigConflict, given.Value, "what is given may be a configuration, an adapter or a file beside -Config or -Adapter; name the rows by -Dataset, or give objects that are rows and nothing else");
            }

            piped.Add(given.Value);
        }
    }

    private void Train(TrainingData data, IReadOnlyList<StartArgument> inputs, PathResolver paths)
    {
        if (KeepBest || Patience is not null)
        {
            DatasetArgument.CheckOrder(ValidationDataset, BestBy);
        }

        LoraConfig? config = Config?.Read(paths);
        LoraAdapter? adapter = Adapter?.One(paths).Load(this);
        string? model = BaseModel.Named(Model, Revision, paths);
        // Once also where nothing is piped in: -Config and -Adapter may say all.
        foreach (StartArgument? input in inputs.DefaultIfEmpty())
        {
            if (Reported(() => TrainingStart.Of(input, config, adapter, model, paths, this)) is TrainingStart start)
            {
                Train(start, data, paths);
            }
        }
    }

    private void Train(TrainingStart start, TrainingData data, PathResolver paths)
    {
        TrainingOptions options = Options(paths) with
        {
            Adapter = start.Adapter,
            OutputPath = OutputPath is null ? null : Destination(paths.Destination(OutputPath)),
            Overwrite = Force,
        };
        string model = start.Config.Model ?? Missing(start.Config);
        if (!ShouldProcess(options.OutputPath ?? model, $"Train {start.Config} on '{model}'"))
        {
            return;
        }

        if (options.OutputPath is null)
        {
            WriteVerbose("Without -OutputPath the adapter is in the result only: a run that is stopped loses it.");
        }

        RunOnWorker(Activity(), (worker, cancellation) =>
        {
            TrainingReport report = new(worker, options, PassThruStep);
            // Kept for the next configuration, whose base model is loaded already.
            session ??= new TrainingSession();
            report.Give(() => session.Train(start.Config, data, options, report, cancellation));
        });
    }

    /// <summary>What is shown of a model that is not here; training is refused then.</summary>
    private static string Missing(LoraConfig config) => config.BaseModelNameOrPath is string name && HubModel.IsName(name)
        ? $"{name}, which is not downloaded yet ({HubCache.Install(name, config.Revision)})" : "a model that is not known";

    /// <summary>What the bar says: which configuration, where there are several, and of how many, where that is known; a pipeline does not tell.</summary>
    private string Activity()
    {
        const string Text = "Training LoRA adapter";
        begun++;
        int? total = MyInvocation.ExpectingInput || piped is not null ? null : InputObject.Length;
        return total is > 1 ? $"{Text}, configuration {begun} of {total}" : begun > 1 ? $"{Text}, configuration {begun}" : Text;
    }

    /// <summary>Refuses a folder that an earlier configuration of the same pipeline was written to, whatever -Force says.</summary>
    private string Destination(string folder) =>
        destinations.Add(folder) ? folder : throw LoraException.Of(LoraError.OutputRepeated, folder, folder);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            session?.Dispose();
            session = null;
            piped?.Dispose();
            piped = null;
        }
    }
}
