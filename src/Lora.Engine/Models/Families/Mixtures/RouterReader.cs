namespace Lora.Models;

/// <summary>Reads a router of a config.json, and the loss that is taken of routers.</summary>
internal static class RouterReader
{
    // Modules are made for each before the checkpoint has been asked, and the bytes of a stack have to stay within 64 bits; models have hundreds.
    private const int MostExperts = 1024;

    /// <summary>The router; what cannot be is reported to the values.</summary>
    /// <param name="values">config.json.</param>
    /// <param name="hiddenSize">Its inputs.</param>
    /// <param name="experts">How many there are where the keys are missing: num_experts, or num_local_experts, as transformers 5 calls it in every family.</param>
    /// <param name="chosen">num_experts_per_tok where it is missing.</param>
    /// <param name="name">Its name within the mixture.</param>
    public static RouterShape Read(ConfigValues values, int hiddenSize, int experts, int chosen, string name = "gate")
    {
        RouterShape router = new(name, hiddenSize, values.CountOrNull("num_experts") ?? values.Count("num_local_experts", experts), values.Count("num_experts_per_tok", chosen));
        if (router.Experts > MostExperts || router.Chosen > router.Experts)
        {
            values.Report(router.Experts > MostExperts
                ? $"there are {router.Experts} experts; expected are at most {MostExperts}"
                : $"num_experts_per_tok {router.Chosen} is more than the {router.Experts} experts");
            values.ThrowIfAnyProblem();
        }

        return router;
    }

    /// <summary>What the routers' loss is multiplied by in training: router_aux_loss_coef, and only with output_router_logits, as in transformers; null for none.</summary>
    public static double? ReadLoss(ConfigValues values, double coefficient = 0.001) =>
        values.Number("router_aux_loss_coef", coefficient) is double factor && values.Flag("output_router_logits") ? factor : null;
}
