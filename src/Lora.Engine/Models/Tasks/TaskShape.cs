using Lora.Checkpoints;
using Lora.Data;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A model for a task as config.json describes it, every default resolved, with the names that its tensors have.</summary>
internal abstract record TaskShape
{
    /// <summary><c>model_type</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>How its classes name their modules.</summary>
    public abstract FamilyNames Names { get; }

    /// <summary>The tokens of the longest sequence that the model was made for; null where the file does not say.</summary>
    public int? Positions { get; init; }

    /// <summary>The positions that the model has learned, beyond which it computes nothing; null where positions are computed.</summary>
    public virtual PositionShape? LearnedPositions => null;

    public required int VocabularySize { get; init; }

    /// <summary>What is learned.</summary>
    public LearnedTask Task { get; init; } = LearnedTask.CausalLM;

    /// <summary>The numbered blocks: what stands before their numbers in names, with its dot, and how many there are.</summary>
    public abstract IReadOnlyList<(string Prefix, int Count)> BlockLists { get; }

    /// <summary>The modules of the head, of which a checkpoint of another class lacks some and has others.</summary>
    public virtual IReadOnlyList<HeadModule> Heads => [];

    /// <summary>Deviation of the values that a new head begins with.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Whether a tensor belongs to a numbered block.</summary>
    public bool IsInBlock(string name) => BlockLists.Any(list => name.StartsWith(list.Prefix, StringComparison.Ordinal));

    /// <summary>The shape with another vocabulary, if there is one.</summary>
    public virtual TaskShape With(ResizedVocabulary? vocabulary) => vocabulary is null ? this : this with { VocabularySize = vocabulary.Size };

    /// <summary>Makes the modules.</summary>
    /// <param name="source">Where weights come from.</param>
    /// <param name="device">Where they are.</param>
    public abstract TaskModel Build(IWeightSource source, Device device);
}

/// <summary>A module of a head.</summary>
/// <param name="Name">Its dotted name.</param>
/// <param name="Inputs">Values of its input.</param>
/// <param name="Outputs">Values of its output.</param>
/// <param name="IsNew">Whether it is made where the checkpoint has none, and then trained whole: what classifies, and what only classifiers have.</param>
internal sealed record HeadModule(string Name, int Inputs, int Outputs, bool IsNew)
{
    /// <summary>Whether it is a linear layer; else a norm.</summary>
    public bool IsLinear { get; init; } = true;

    /// <summary>Whether it has a bias.</summary>
    public bool HasBias { get; init; } = true;
}
