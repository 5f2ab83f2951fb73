namespace Lora;

/// <summary>What one optimiser step did.</summary>
public sealed class LoraTrainingStep
{
    /// <summary>Counted from 1.</summary>
    public int Step { get; init; }

    /// <summary>Steps of the whole run.</summary>
    public int TotalStep { get; init; }

    /// <summary>How far the run is through its epochs, for example 1.5.</summary>
    public double Epoch { get; init; }

    /// <summary>Mean cross-entropy of the step's supervised tokens, in nats; with the routers' loss of a mixture of experts whose config.json has output_router_logits.</summary>
    public double Loss { get; init; }

    /// <summary>The rate of the step.</summary>
    public double LearningRate { get; init; }

    /// <summary>Euclidean norm of the gradients before clipping; infinite or NaN in a step that was skipped.</summary>
    public double GradientNorm { get; init; }

    /// <summary>What the loss was multiplied by before it was differentiated; 1 but in float16. All other figures are without it.</summary>
    public double LossScale { get; init; } = 1;

    /// <summary>Whether the step changed nothing, because its loss or a gradient was not finite.</summary>
    public bool IsSkipped { get; init; }

    /// <summary>
    /// What was not finite in a step that was skipped, and the rows of it by file and line; null where it was only gradients, times <see cref="LossScale"/>,
    /// that left the range of float16.
    /// </summary>
    public string? SkipReason { get; init; }

    /// <summary>The evaluations of the adapter after the step, one a validation set; none where none was due.</summary>
    public LoraEvaluation[] Evaluation { get; internal set; } = [];

    /// <summary>Tokens that went through the model, without padding.</summary>
    public long Token { get; init; }

    /// <summary>Tokens that the loss was taken over.</summary>
    public long SupervisedToken { get; init; }

    /// <summary>Tokens per second of the step.</summary>
    public double TokenPerSecond { get; init; }

    /// <summary>Time since the first step began.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"step {Step}/{TotalStep}: loss {Loss:F4}{(IsSkipped ? ", skipped" : "")}");
}
