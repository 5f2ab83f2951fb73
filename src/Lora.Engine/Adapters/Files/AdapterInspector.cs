using Lora.Checkpoints;
using Lora.Selection;

namespace Lora.Adapters;

/// <summary>Describes an adapter's folder from its configuration and the header of its weights; reads the weights only for norms.</summary>
public static class AdapterInspector
{
    private static readonly string[] DownEndings = [".lora_A.weight", ".lora_embedding_A"];

    /// <summary>Describes an adapter.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="withNorms">Whether to read the weights for the norm of each module's change.</param>
    /// <exception cref="LoraException">What <see cref="AdapterFolder.Load"/> throws for a folder that is not an adapter.</exception>
    public static LoraAdapterInfo Read(string folder, bool withNorms = false)
    {
        LoraConfig config = AdapterFolder.ReadConfig(folder);
        string weights = AdapterFolder.WeightsFile(folder);
        IReadOnlyList<TensorInfo> tensors = SafetensorsHeader.Read(weights).Tensors;
        Dictionary<string, TensorData> values = withNorms
            ? AdapterFolder.Load(folder).Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal)
            : [];
        return new()
        {
            Path = Path.GetFullPath(folder),
            Config = config,
            BaseModel = config.BaseModelNameOrPath,
            Rank = config.Rank,
            Alpha = config.Alpha,
            Module = [.. Modules(config, tensors, values)],
            ParameterCount = tensors.Sum(tensor => tensor.ElementCount),
            Size = new FileInfo(weights).Length,
            DataType = string.Join(", ", tensors.Select(tensor => tensor.DataType.ToName()).Distinct()),
        };
    }

    private static IEnumerable<LoraAdapterModule> Modules(LoraConfig config, IReadOnlyList<TensorInfo> tensors, Dictionary<string, TensorData> values)
    {
        PatternTable alphas = new(config.AlphaPattern);
        foreach (TensorInfo tensor in tensors)
        {
            if (DownEndings.FirstOrDefault(ending => tensor.Name.EndsWith(ending, StringComparison.Ordinal)) is not string ending)
            {
                continue;
            }

            string owner = tensor.Name[..^ending.Length];
            string name = owner.StartsWith(PeftKey.Prefix, StringComparison.Ordinal) ? owner[PeftKey.Prefix.Length..] : owner;
            int rank = (int)tensor.Shape[0];
            double scaling = config.ScalingOf(rank, alphas.ValueOf(name, config.Alpha));
            yield return new()
            {
                Name = name,
                Rank = rank,
                Scaling = scaling,
                ParameterCount = tensors.Where(other => other.Name.StartsWith(owner + ".lora_", StringComparison.Ordinal)).Sum(other => other.ElementCount),
                Norm = values.Count == 0 ? null : scaling * ProductNorm.Of(values[tensor.Name], values[owner + ending.Replace("_A", "_B", StringComparison.Ordinal)]),
            };
        }
    }
}
