using Lora.Checkpoints;
using Lora.Native;
using Lora.Selection;
using Lora.Text;

namespace Lora.Adapters;

/// <summary>Describes an adapter's folder from its configuration and the header of its weights; reads the weights only for what they change.</summary>
public static class AdapterInspector
{
    private static readonly string[] DownEndings = [".lora_A.weight", ".lora_embedding_A"];

    /// <summary>Describes an adapter.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="withNorms">Whether to read the weights for norm, effective rank and share of each module's change.</param>
    /// <exception cref="LoraException">What <see cref="AdapterFolder.Load"/> throws for a folder that is not an adapter.</exception>
    public static LoraAdapterInfo Read(string folder, bool withNorms = false)
    {
        LoraConfig stated = AdapterFolder.ReadConfig(folder, describeOnly: true);
        string weights = AdapterFolder.WeightsFile(folder);
        LoraConfig config = stated with { NewToken = AdapterFolder.NewTokens(folder) };
        IReadOnlyList<TensorInfo> tensors = SafetensorsHeader.Read(weights).Tensors;

        // The product of what is not supported may be another one than B A: no norm is better than a wrong one.
        bool hasNorms = withNorms && !LoraConfigRules.Unsupported(config).Any();
        IReadOnlyList<TensorData> values = hasNorms ? AdapterFolder.Load(folder).Tensors : [];
        return Describe(config, tensors, values, RegularFile.Length(weights)) with { Path = Path.GetFullPath(folder), ChatTemplate = ChatTemplateFiles.OfAdapter(folder) };
    }

    /// <summary>Describes an adapter in memory.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="withNorms">Whether norm, effective rank and share of each module's change are wanted.</param>
    public static LoraAdapterInfo Describe(LoraAdapter adapter, bool withNorms = false)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        TensorInfo[] tensors = [.. adapter.Tensors.Select(tensor => new TensorInfo
        {
            Name = tensor.Name,
            DataType = tensor.DataType,
            Shape = tensor.Shape,
            File = "",
            Offset = 0,
            Length = tensor.Bytes.Length,
        })];
        return Describe(adapter.Config, tensors, withNorms ? adapter.Tensors : [], tensors.Sum(tensor => tensor.Length)) with { Path = adapter.Path ?? "", ChatTemplate = adapter.ChatTemplate };
    }

    private static LoraAdapterInfo Describe(LoraConfig config, IReadOnlyList<TensorInfo> tensors, IReadOnlyList<TensorData> values, long size) => new()
    {
        Config = config,
        BaseModel = config.BaseModelNameOrPath ?? config.Model,
        Rank = config.Rank,
        Alpha = config.Alpha,
        Module = [.. WithShares([.. Modules(config, tensors, values.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal))])],
        TokenCount = tensors.Where(tensor => PeftKey.IsOfTokens(tensor.Name)).Sum(tensor => tensor.Shape.FirstOrDefault()),
        ParameterCount = tensors.Sum(tensor => tensor.ElementCount),
        Size = size,
        Unsupported = [.. LoraConfigRules.Unsupported(config)],
        DataType = string.Join(", ", tensors.Select(tensor => tensor.DataType.ToName()).Distinct()),
    };

    private static IEnumerable<LoraAdapterModule> Modules(LoraConfig config, IReadOnlyList<TensorInfo> tensors, Dictionary<string, TensorData> values)
    {
        PatternTable alphas = new(config.AlphaPattern);
        PatternTable ranks = new(config.RankPattern);
        ParameterKeys parameters = new(config, tensors.Select(tensor => tensor.Name));
        if (values.Count > 0)
        {
            TorchLibrary.Load();
        }

        foreach (TensorInfo tensor in tensors)
        {
            if (DownEndings.FirstOrDefault(ending => tensor.Name.EndsWith(ending, StringComparison.Ordinal)) is not string ending)
            {
                continue;
            }

            string owner = tensor.Name[..^ending.Length];
            string path = owner.StartsWith(PeftKey.Prefix, StringComparison.Ordinal) ? owner[PeftKey.Prefix.Length..] : owner;
            string name = parameters.NameOf(path);
            if (tensor.Shape.Length < 2)
            {
                throw LoraException.Of(
                    LoraError.AdapterWeightsInvalid, tensor.File, tensor.File, $"'{tensor.Name}' has the shape [{string.Join(", ", tensor.Shape)}], which is no matrix");
            }

            // A stack of one A an expert tells its rank in the configuration alone.
            int rank = parameters.Find(path) is null ? (int)tensor.Shape[0] : (int)ranks.ValueOf(name, config.Rank);
            long experts = tensor.Shape[0] / rank;
            double scaling = config.ScalingOf(rank, alphas.ValueOf(name, config.Alpha));
            double[]? changes = values.Count == 0
                ? null
                : FactorMeasures.SingularValues(new(values[tensor.Name], values[owner + ending.Replace("_A", "_B", StringComparison.Ordinal)], scaling) { Experts = experts });
            string listed = parameters.ListedAs(path);
            BlockPlace? place = BlockPlace.Of(listed);
            yield return new()
            {
                Name = listed,
                Block = place?.Name,
                Layer = place?.Block,
                Role = ModuleRole.Of(listed),
                Rank = rank,
                ExpertCount = experts > 1 ? experts : null,
                Scaling = scaling,
                ParameterCount = tensors.Where(other => other.Name.StartsWith(owner + ".lora_", StringComparison.Ordinal)).Sum(other => other.ElementCount),
                Norm = changes is null ? null : FactorMeasures.Norm(changes),
                EffectiveRank = changes is null ? null : FactorMeasures.EffectiveRank(changes) / experts,
            };
        }
    }

    private static IEnumerable<LoraAdapterModule> WithShares(LoraAdapterModule[] modules)
    {
        double whole = modules.Sum(module => module.Norm * module.Norm ?? 0);
        // Where nothing is changed the norm is 0, and without norms null: the share is the same.
        return modules.Select(module => module with { Share = whole == 0 ? module.Norm : module.Norm * module.Norm / whole });
    }
}
