using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using Lora.Selection;
using Lora.Text;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// Holds a model that was written against its base, with the adapter on it where there is one, by what both predict. Three models are computed in float32, one after
/// another, a block at a time (<see cref="StreamedModel"/>): the base with the adapter beside it; the base with the adapter added and rounded to the file's types,
/// by the adapter's own layers; and what is read back from the file. The second and the third have to be one model.
/// </summary>
/// <param name="fitted">The adapter, fitted to the base.</param>
/// <param name="checkpoint">The base.</param>
/// <param name="options">What the proof is made on.</param>
/// <param name="progress">Told of the models that were computed.</param>
/// <param name="cancellation">Ends the work before the next block.</param>
internal sealed class ExportProof(
    FittedAdapter fitted, Checkpoint checkpoint, ModelMergeOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
{
    /// <summary>What float32 leaves of a logit, as a share of the largest: sums of some thousand products, layer upon layer.</summary>
    private const double Noise = 1e-4;

    /// <summary>
    /// A sum that lies next to the middle of two numbers of the file's type may be rounded either way; of a thousand values one is so. What these
    /// amount to, as a share of what rounding all values does.
    /// </summary>
    private const double RoundedOtherwise = 0.05;

    private readonly string model = checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!;
    private int computed;

    /// <summary>What stands for the adapter of a model that was written without one.</summary>
    public static FittedAdapter NoAdapter => new(new LoraAdapter(), null, [], null);

    private bool IsBase => fitted.Adapter.Tensors.Count == 0;

    /// <summary>Proves a folder in the Hugging Face layout.</summary>
    /// <param name="folder">The folder as it was written.</param>
    /// <exception cref="LoraException">ExportDiffers; the dataset cannot be read.</exception>
    public LoraExportVerification OfFolder(string folder)
    {
        if (checkpoint.Folder is null)
        {
            return LoraExportVerification.Not("one file has no config.json, which says what is computed");
        }

        return Of(_ =>
        {
            TaskShape shape = TaskReader.Read(folder, fitted.Adapter.Config.TaskType, fitted.Adapter.Labels?.Known, fitted.Adapter.Labels);
            Checkpoint written = Checkpoint.Open(folder);
            StoredTensors stored = new(written, shape);
            RequiredTensors.In(stored);
            return (shape, new CheckpointValues(stored, new Dictionary<string, TensorData>()), written);
        });
    }

    /// <summary>Proves whatever holds a model's weights.</summary>
    /// <param name="open">Given the base's shape with the adapter's vocabulary, opens what was written: its shape, its weights, and what is disposed after it.</param>
    /// <exception cref="LoraException">ExportDiffers; the dataset cannot be read.</exception>
    public LoraExportVerification Of(Func<TaskShape, (TaskShape Shape, IProofValues Values, IDisposable File)> open)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Base known;
        try
        {
            known = Read();
        }
        catch (LoraException exception)
        {
            return LoraExportVerification.Not(exception.Message.TrimEnd('.'));
        }

        ProofText text = TextFor(known.Shape);
        (Tensor ids, long[] places) = text.ToTensor();
        Tensor adapted;
        try
        {
            adapted = Adapted(known, ids, places);
        }
        catch (LoraException exception)
        {
            // What goes into weights and not onto a model: the writer knows more than the layers.
            return LoraExportVerification.Not(exception.Message.TrimEnd('.'));
        }

        (TaskShape shape, IProofValues values, IDisposable file) = Opened(open, known.Shape);
        using (file)
        {
            bool isExact = known.Names.All(name => !values.Has(name) || values.TypeOf(name) is not null);
            Tensor? expected = isExact ? Merged(known, values, ids, places) : null;
            Tensor written = Logits(new(shape, values, values.Has, cancellation), ids, places);
            LogitComparison apart = LogitComparison.Of(adapted, written);
            if (expected is not null)
            {
                Judge(adapted, expected, written);
            }

            return new()
            {
                Outcome = isExact ? LoraExportOutcome.Proven : LoraExportOutcome.Measured,
                Text = text.Name,
                TokenCount = places.Length,
                LargestDifference = apart.LargestDifference,
                Divergence = apart.Divergence,
                TopAgreement = apart.TopAgreement,
            };
        }
    }

    /// <summary>What is read: the rows that were named, else those that the adapter's training was validated on, as far as these are still there; else a text.</summary>
    private ProofText TextFor(TaskShape shape)
    {
        Tokenizer? tokenizer = Tokenizer();
        if (options.Dataset.Count == 0 && tokenizer is not null && fitted.Adapter.Validation is ValidationRows rows && rows.Paths.All(Path.Exists))
        {
            try
            {
                return Of(options with { Dataset = rows.Paths, Data = rows.Data });
            }
            catch (LoraException)
            {
                // Changed since, and nobody asked for them: the result names the text that serves.
            }
        }

        return Of(options);

        ProofText Of(ModelMergeOptions asked) => ProofText.Of(shape, tokenizer, new(model, asked.Data.ChatTemplate, fitted.Adapter.ChatTemplate), asked, cancellation);
    }

    private Base Read()
    {
        LoraAdapter adapter = fitted.Adapter;
        TaskShape own = TaskReader.Read(model, adapter.Config.TaskType, adapter.Labels?.Known, adapter.Labels);
        if (own is VisionShape)
        {
            throw LoraException.Of(LoraError.MergeRefused, model, model, "a model of images is not asked about a text");
        }

        TaskShape shape = own.With(fitted.Vocabulary);
        StoredTensors stored = new(checkpoint, shape);
        Dictionary<string, TensorData> given = (fitted.Vocabulary?.Weights ?? new Dictionary<string, TensorData>()).Concat(NewHead.Make(stored)).ToDictionary();
        string[] names = [.. RequiredTensors.In(stored, given.Keys).Select(tensor => tensor.Name)];
        if (IsBase)
        {
            return new(shape, new(stored, given), names, adapter.Config, []);
        }

        LoraConfig meant = adapter.Config with { Model = model, VocabularySize = fitted.Vocabulary?.Size };
        ResolvedTargets resolved = ModelTargets.Resolve(meant, model, allowUnmatched: true);
        return new(shape, new(stored, given), names, meant with { ModulesToSave = [.. resolved.Saved] }, ModelTargets.ForAdapter(resolved));
    }

    /// <summary>Logits of the base with the adapter beside it.</summary>
    private Tensor Adapted(Base known, Tensor ids, long[] places)
    {
        StreamedModel streamed = new(known.Shape, known.Values, known.Values.Has, cancellation);
        return Logits(streamed, ids, places, IsBase ? null : Attach(known, streamed));
    }

    /// <summary>Logits of the base with the adapter added, rounded as the file is.</summary>
    private Tensor Merged(Base known, IProofValues file, Tensor ids, long[] places)
    {
        StreamedModel streamed = new(known.Shape, known.Values, file.Has, cancellation);
        AttachedAdapter? attached = IsBase ? null : Attach(known, streamed);
        if (attached is not null)
        {
            attached.IsEnabled = false;
        }

        streamed.Change(new MergedValues(attached, file, known.Shape).Apply);
        return Logits(streamed, ids, places, attached);
    }

    private AttachedAdapter Attach(Base known, StreamedModel streamed)
    {
        try
        {
            AttachedAdapter attached = new(streamed.Model, known.Config, known.Targets, CPU, seed: 0);
            AdapterTensors.Load(attached, fitted.Adapter);
            return attached;
        }
        catch
        {
            streamed.Dispose();
            throw;
        }
    }

    /// <summary>Logits [places, labels] of a model, which is disposed after it.</summary>
    private Tensor Logits(StreamedModel streamed, Tensor ids, long[] places, AttachedAdapter? attached = null)
    {
        progress?.Report(new("Verifying", computed++, 3, WorkUnit.Batch));
        using DisposeScope scope = NewDisposeScope();
        using StreamedModel running = streamed;
        using AttachedAdapter? on = attached;
        Tensor logits = streamed.Model.call(ids).flatten(0, 1); // [rows * tokens, labels], or of a model that answers [rows, labels]
        return (logits.shape[0] == ids.numel() ? logits.index_select(0, DeviceIndex.Of(places, CPU)) : logits).contiguous().MoveToOuterDisposeScope();
    }

    private (TaskShape Shape, IProofValues Values, IDisposable File) Opened(Func<TaskShape, (TaskShape, IProofValues, IDisposable)> open, TaskShape shape)
    {
        try
        {
            return open(shape);
        }
        catch (LoraException exception)
        {
            throw LoraException.From(exception, LoraError.ExportDiffers, model, model, $"it cannot be read back: {exception.Message.TrimEnd('.')}");
        }
    }

    private void Judge(Tensor adapted, Tensor expected, Tensor written)
    {
        double allowed = (Noise * Math.Max(1, expected.abs().max().ToDouble())) + (RoundedOtherwise * LogitComparison.Of(adapted, expected).LargestDifference);
        double found = LogitComparison.Of(expected, written).LargestDifference;

        // The other way about would let through what is not a number.
        if (!(found <= allowed))
        {
            throw LoraException.Of(LoraError.ExportDiffers, model, model, FormattableString.Invariant(
                $"a logit is {found:G3} away from that of the sums rounded to its types, where {allowed:G3} is what float32 leaves open"));
        }
    }

    private Tokenizer? Tokenizer()
    {
        try
        {
            return fitted.Vocabulary?.ReadTokenizer(model) ?? Text.Tokenizer.Load(model);
        }
        catch (LoraException) when (options.Dataset.Count == 0)
        {
            return null; // ids will do
        }
    }

    /// <summary>What the base is, and what the adapter changes of it.</summary>
    private sealed record Base(TaskShape Shape, CheckpointValues Values, IReadOnlyList<string> Names, LoraConfig Config, IReadOnlyList<AdapterTarget> Targets);
}
