using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Lora.Checkpoints;
using Lora.Quantization;

namespace Lora.Models;

/// <summary>The tensors of a checkpoint by the names that a model has for them.</summary>
/// <param name="checkpoint">The checkpoint.</param>
/// <param name="shape">The model.</param>
internal sealed class StoredTensors(Checkpoint checkpoint, TaskShape shape)
{
    // The tensor that each form of a matrix has in place of its weight, or as it.
    private static readonly string[] OfMatrix = ["weight", "qweight", "weight_packed"];

    private readonly FamilyNames names = shape.Names;
    private readonly StatedQuantization? stated = ModelIdentity.Read(checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!).Quantization;
    private Dictionary<string, Dictionary<string, TensorInfo>>? modules;

    /// <summary>Where they are.</summary>
    public Checkpoint Checkpoint { get; } = checkpoint;

    /// <summary>The model.</summary>
    public TaskShape Shape { get; } = shape;

    /// <summary>The modules of the checkpoint with their tensors, by their names there.</summary>
    private Dictionary<string, Dictionary<string, TensorInfo>> Modules => modules ??= Checkpoint.Tensors
        .Select(tensor => (Tensor: tensor, Names: tensor.Name.Split('.')))
        .Select(entry => (entry.Tensor, entry.Names, Own: ParameterName.OwnStart(entry.Names)))
        .GroupBy(entry => string.Join('.', entry.Names[..entry.Own]), StringComparer.Ordinal)
        .ToDictionary(module => module.Key, module => module.ToDictionary(entry => string.Join('.', entry.Names[entry.Own..]), entry => entry.Tensor), StringComparer.Ordinal);

    /// <summary>
    /// Finds a tensor under its name, under the one that its family's files have, or, in a checkpoint of the bare body, without the body's prefix; those of
    /// norms also under the names that the first BERT checkpoints have for them.
    /// </summary>
    public bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor) => TryFindAs(name, out tensor) || (Older(name) is string older && TryFindAs(older, out tensor));

    /// <summary>Finds a tensor that is there.</summary>
    /// <exception cref="LoraException">TensorMissing.</exception>
    public TensorInfo Find(string name) =>
        TryFind(name, out TensorInfo? found) ? found : throw LoraException.Of(LoraError.TensorMissing, name, Checkpoint.Path, name);

    /// <summary>Whether a tensor is there, as it is or quantised.</summary>
    public bool Has(string name) => TryFind(name, out _) || (name.EndsWith(".weight", StringComparison.Ordinal) && PartsOf(name, OfMatrix) is not null);

    /// <summary>Finds how a quantised weight is stored; null when it is not there or plain numbers.</summary>
    /// <param name="name">The weight's name.</param>
    /// <param name="shape">The shape that the model has it in.</param>
    /// <exception cref="LoraException">QuantizedWeightInvalid: its parts do not fit.</exception>
    public StoredWeight? FindQuantized(string name, long[] shape)
    {
        string parameter = name[(name.LastIndexOf('.') + 1)..];
        Dictionary<string, TensorInfo>? parts = shape.Length switch
        {
            2 when parameter == "weight" => PartsOf(name, OfMatrix),

            // Experts in one tensor: of the module's parts those that begin with the parameter's name.
            3 => PartsOf(name, [parameter + "_blocks"])?.Where(part => part.Key == parameter + "_blocks" || part.Key == parameter + "_scales").ToDictionary(StringComparer.Ordinal),
            _ => null,
        };
        return parts is not null && new StoredMatrixRules(stated, Checkpoint).Of(parts) is StoredMatrix form
            ? StoredForms.Of(form, new(name, form.ToString(), parts, stated, Checkpoint), parameter, shape)
            : null;
    }

    /// <summary>How many blocks of a list the checkpoint has.</summary>
    /// <param name="list">What stands before their numbers, with its dot.</param>
    /// <param name="most">As many as the model has.</param>
    public int CountBlocks(string list, int most)
    {
        string[] lists = [.. names.StoredNames(list)];
        return Checkpoint.Tensors.Select(tensor => BlockOf(tensor.Name)).OfType<int>().Distinct().Count(block => block < most);

        int? BlockOf(string name)
        {
            int start = lists.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal))?.Length ?? -1;
            int end = start < 0 ? -1 : name.IndexOf('.', start);
            return end > start && int.TryParse(name.AsSpan(start, end - start), NumberStyles.None, CultureInfo.InvariantCulture, out int block) ? block : null;
        }
    }

    /// <summary>The tensors of the module that a weight belongs to, found by the first of some of them that is there.</summary>
    private Dictionary<string, TensorInfo>? PartsOf(string weight, string[] parts)
    {
        string module = weight[..(weight.LastIndexOf('.') + 1)];
        foreach (string part in parts)
        {
            if (TryFind(module + part, out TensorInfo? tensor))
            {
                return Modules[tensor.Name[..^(part.Length + 1)]];
            }
        }

        return null;
    }

    private bool TryFindAs(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        foreach (string stored in names.StoredNames(name))
        {
            if (Checkpoint.TryFind(stored, out tensor))
            {
                return true;
            }
        }

        tensor = null;
        return false;
    }

    // At the end of a name alone: in other places gamma and beta are what they say.
    private static string? Older(string name) => name.EndsWith("LayerNorm.weight", StringComparison.Ordinal) ? name[..^"weight".Length] + "gamma"
        : name.EndsWith("LayerNorm.bias", StringComparison.Ordinal) ? name[..^"bias".Length] + "beta"
        : null;
}
