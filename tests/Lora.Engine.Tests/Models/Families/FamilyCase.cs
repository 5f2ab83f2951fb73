using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>A model of a family to train: that of its reference run, or random weights by a config.json alone where there is no such run.</summary>
internal sealed class FamilyCase
{
    private FamilyCase(string folder, Tensor ids, Batch batch, Batch padded)
    {
        Folder = folder;
        Ids = ids;
        Batch = batch;
        Padded = padded;
    }

    public string Folder { get; }

    /// <summary>[rows, tokens].</summary>
    public Tensor Ids { get; }

    public Batch Batch { get; }

    /// <summary>Rows of unequal lengths.</summary>
    public Batch Padded { get; }

    /// <param name="name">A folder of tests/fixtures/families or, with a reference run, of ../shared/families.</param>
    /// <param name="files">Where random weights are written.</param>
    public static FamilyCase Open(string name, TemporaryFolder files)
    {
        if (HasNoRun(name))
        {
            return Random(File.ReadAllText(Repository.Fixture("families", name, "config.json")), files);
        }

        GoldenFamily golden = GoldenFamily.Open(name);
        return new(golden.Folder, golden.Data["input_ids"], golden.Batch(""), golden.Batch(GoldenFamily.Padded));
    }

    /// <summary>The model's folder alone.</summary>
    /// <inheritdoc cref="Open"/>
    public static string FolderOf(string name, TemporaryFolder files) => HasNoRun(name) ? Open(name, files).Folder : GoldenFamily.FolderOf(name);

    /// <summary>Whether there is a config.json of a family and nothing else.</summary>
    public static bool HasNoRun(string name)
    {
        string config = Repository.Fixture("families", name, "config.json");
        return File.Exists(config) && Directory.GetFiles(Path.GetDirectoryName(config)!).Length == 1;
    }

    /// <summary>A model with random weights as a config.json describes it.</summary>
    public static FamilyCase Random(string config, TemporaryFolder files)
    {
        string folder = Directory.CreateDirectory(files.File("model")).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        ModelShape shape = ModelConfigReader.Read(folder);
        using Generator generator = new(11, CPU);
        double norm = shape.FinalNorm is { Kind: NormKind.RootMeanSquareAddOne } ? 0 : 1; // as stored
        using (NewDisposeScope())
        {
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. RequiredTensors.Of(shape).Select(weight => AdapterTensors.Copy(weight.Name, Values(weight.Name, weight.Shape, norm, generator)))]);
        }

        Tensor ids = randint(3, shape.VocabularySize, [2, 24], dtype: ScalarType.Int64, generator: generator);
        Tensor cut = ids.clone();
        cut[1, TensorIndex.Slice(17)] = tensor(-100L);
        return new(folder, ids, GoldenBatch.Of(ids, ids), GoldenBatch.Of(cut.relu(), cut));
    }

    /// <summary>Norms near one, and matrices whose products keep the size of their input.</summary>
    private static Tensor Values(string name, long[] shape, double norm, Generator generator)
    {
        Tensor values = randn(shape, generator: generator);
        return shape.Length > 1 ? values.Times(1 / Math.Sqrt(shape[^1]))
            : name.EndsWith("weight", StringComparison.Ordinal) ? values.Times(0.1).Plus(norm) : values.Times(0.1);
    }
}
